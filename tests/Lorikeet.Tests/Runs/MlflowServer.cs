using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Lorikeet.Tests.Runs;

/// <summary>
/// A tracking server that keeps what MLflow's REST API documents: experiments by name, runs, batches within their
/// limits, parameters that never change, proxied artifacts; errors with error_code and message.
/// </summary>
internal sealed class MlflowServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Task _answering;
    private readonly Dictionary<string, string> _experiments = new() { ["Default"] = "0" };

    public MlflowServer(int? port = null)
    {
        Address = new Uri($"http://127.0.0.1:{port ?? FreePort()}");
        _listener.Prefixes.Add(Address.ToString());
        _listener.Start();
        _answering = Task.Run(AnswerAsync);
    }

    public Uri Address { get; }

    public ConcurrentDictionary<string, StoredMlflowRun> Runs { get; } = [];

    public IReadOnlyDictionary<string, string> Experiments => _experiments;

    public string? Authorization { get; private set; }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    public void Dispose()
    {
        _listener.Close();
        _answering.Wait();
    }

    private async Task AnswerAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception fault) when (fault is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            Authorization = context.Request.Headers["Authorization"];
            using var reader = new StreamReader(context.Request.InputStream, Encoding.UTF8);
            var (status, answer) = Answer(context.Request, await reader.ReadToEndAsync());
            context.Response.StatusCode = status;
            context.Response.ContentType = "application/json";
            context.Response.Close(Encoding.UTF8.GetBytes(answer.ToJsonString()), willBlock: true);
        }
    }

    private (int Status, JsonObject Answer) Answer(HttpListenerRequest request, string text)
    {
        var path = request.Url!.AbsolutePath;
        const string artifacts = "/api/2.0/mlflow-artifacts/artifacts/";
        if (request.HttpMethod == "PUT" && path.StartsWith(artifacts, StringComparison.Ordinal))
        {
            var parts = Uri.UnescapeDataString(path[artifacts.Length..]).Split('/', 4);
            Runs[parts[1]].Artifacts[parts[3]] = text;
            return (200, []);
        }

        var body = text.Length > 0 ? JsonNode.Parse(text)!.AsObject() : [];
        switch ($"{request.HttpMethod} {path.Replace("/api/2.0/mlflow/", "")}")
        {
            case "GET experiments/get-by-name":
                var name = request.QueryString["experiment_name"]!;
                return _experiments.TryGetValue(name, out var known)
                    ? (200, new() { ["experiment"] = new JsonObject { ["experiment_id"] = known, ["name"] = name } })
                    : Refuse(404, "RESOURCE_DOES_NOT_EXIST", $"Could not find experiment with name '{name}'");
            case "POST experiments/create":
                _experiments.Add((string)body["name"]!, $"{_experiments.Count}");
                return (200, new() { ["experiment_id"] = _experiments[(string)body["name"]!] });
            case "POST runs/create":
                var made = new StoredMlflowRun(
                    $"run{Runs.Count}", (string)body["experiment_id"]!, (string)body["run_name"]!);
                foreach (var tag in body["tags"]!.AsArray())
                    made.Tags[(string)tag!["key"]!] = (string)tag["value"]!;
                Runs[made.Id] = made;
                return (200, new() { ["run"] = made.ToJson() });
            case "GET runs/get":
                return (200, new() { ["run"] = Runs[request.QueryString["run_id"]!].ToJson() });
            case "POST runs/update":
                Runs[(string)body["run_id"]!].Status = (string)body["status"]!;
                return (200, []);
            case "POST runs/log-batch":
                return Runs[(string)body["run_id"]!].Log(body);
            default:
                return Refuse(404, "ENDPOINT_NOT_FOUND", path);
        }
    }

    public static (int Status, JsonObject Answer) Refuse(int status, string code, string message) =>
        (status, new() { ["error_code"] = code, ["message"] = message });
}

/// <summary>A run as the server keeps it.</summary>
internal sealed class StoredMlflowRun(string id, string experiment, string name)
{
    public string Id => id;

    public string Name => name;

    public string Experiment => experiment;

    public string Status { get; set; } = "RUNNING";

    public Dictionary<string, string> Tags { get; } = [];

    public Dictionary<string, string> Parameters { get; } = [];

    public List<(string Key, double Value, int Step)> Metrics { get; } = [];

    public Dictionary<string, string> Artifacts { get; } = [];

    public JsonObject ToJson() => new()
    {
        ["info"] = new JsonObject
        {
            ["run_id"] = id,
            ["experiment_id"] = experiment,
            ["artifact_uri"] = $"mlflow-artifacts:/{experiment}/{id}/artifacts",
        },
    };

    public (int Status, JsonObject Answer) Log(JsonObject body)
    {
        var (metrics, parameters) = (body["metrics"]!.AsArray(), body["params"]!.AsArray());
        if (metrics.Count > 1000 || parameters.Count > 100)
            return MlflowServer.Refuse(400, "INVALID_PARAMETER_VALUE", "A batch logging request can contain less.");
        foreach (var parameter in parameters)
        {
            var (key, value) = ((string)parameter!["key"]!, (string)parameter["value"]!);
            if (Parameters.TryGetValue(key, out var before) && before != value)
                return MlflowServer.Refuse(400, "INVALID_PARAMETER_VALUE", $"Changing param '{key}' is not allowed.");
            Parameters[key] = value;
        }

        Metrics.AddRange(metrics.Select(metric =>
            ((string)metric!["key"]!, (double)metric["value"]!, (int)metric["step"]!)));
        return (200, []);
    }
}
