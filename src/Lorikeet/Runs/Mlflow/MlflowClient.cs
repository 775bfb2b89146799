using System.Net;
using System.Net.Http.Json;
using System.Net.Security;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Formats;

namespace Lorikeet.Runs.Mlflow;

/// <summary>The part of MLflow's REST API that keeps a run: experiments, runs, batches of metrics, artifacts.</summary>
/// <remarks>Source: MLflow's documentation, "REST API", version 2.0 of it, and mlflow-artifacts for files.</remarks>
internal sealed class MlflowClient : IDisposable
{
    private const string Api = "api/2.0/mlflow/";
    private const string Artifacts = "api/2.0/mlflow-artifacts/artifacts/";
    private const string ArtifactScheme = "mlflow-artifacts";

    private readonly HttpClient _http;
    private readonly MlflowSettings _settings;

    /// <param name="settings">The server.</param>
    public MlflowClient(MlflowSettings settings)
    {
        _settings = settings;
        var handler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(5) };
        if (settings.TrustsAnyCertificate)
            handler.SslOptions.RemoteCertificateValidationCallback =
                (_, _, _, errors) => errors != SslPolicyErrors.RemoteCertificateNotAvailable;
        _http = new HttpClient(handler) { BaseAddress = settings.Server, Timeout = TimeSpan.FromSeconds(10) };
        if (settings.Authorization is { } authorization)
            _http.DefaultRequestHeaders.Add("Authorization", authorization);
    }

    /// <summary>Begins a run, or goes on with the one that the settings name.</summary>
    /// <param name="began">When.</param>
    /// <param name="cancellation">Ends the request.</param>
    /// <returns>The run's id, and where its artifacts lie.</returns>
    public async Task<(string Id, string ArtifactPlace)> BeginAsync(
        DateTimeOffset began, CancellationToken cancellation)
    {
        JsonNode answer;
        if (_settings.RunId is { } known)
        {
            await PostAsync("runs/update", new() { ["run_id"] = known, ["status"] = "RUNNING" }, cancellation)
                .ConfigureAwait(false);
            answer = await GetAsync($"runs/get?run_id={Uri.EscapeDataString(known)}", cancellation)
                .ConfigureAwait(false);
        }
        else
        {
            var tags = _settings.Tags.Concat(
            [
                new("mlflow.runName", _settings.RunName), new("mlflow.source.name", "lorikeet"),
                new("mlflow.source.type", "LOCAL"),
            ]);
            answer = await PostAsync("runs/create", new()
            {
                ["experiment_id"] = await ExperimentAsync(cancellation).ConfigureAwait(false),
                ["run_name"] = _settings.RunName,
                ["start_time"] = began.ToUnixTimeMilliseconds(),
                ["tags"] = Pairs(tags),
            }, cancellation).ConfigureAwait(false);
        }

        var info = answer["run"]?["info"];
        return (Text(info?["run_id"]), Text(info?["artifact_uri"]));
    }

    /// <summary>Adds metrics or parameters; at most 1000 and 100 of them.</summary>
    public Task LogAsync(
        string run, JsonArray metrics, IEnumerable<KeyValuePair<string, string>> parameters,
        CancellationToken cancellation) => PostAsync(
            "runs/log-batch", new() { ["run_id"] = run, ["metrics"] = metrics, ["params"] = Pairs(parameters) },
            cancellation);

    /// <summary>Says how a run ended: FINISHED, KILLED or FAILED.</summary>
    public Task EndAsync(string run, string status, DateTimeOffset ended, CancellationToken cancellation) => PostAsync(
        "runs/update",
        new() { ["run_id"] = run, ["status"] = status, ["end_time"] = ended.ToUnixTimeMilliseconds() }, cancellation);

    /// <summary>Whether files of a run can be handed to the server, which most keep artifacts for.</summary>
    public static bool TakesFiles(string artifactPlace) =>
        Uri.TryCreate(artifactPlace, UriKind.Absolute, out var place) && place.Scheme == ArtifactScheme;

    /// <summary>Keeps a file among a run's artifacts.</summary>
    /// <param name="artifactPlace">Where they lie.</param>
    /// <param name="file">The file.</param>
    /// <param name="name">Its path among them.</param>
    /// <param name="cancellation">Ends the upload.</param>
    public async Task UploadAsync(string artifactPlace, string file, string name, CancellationToken cancellation)
    {
        var path = new Uri(artifactPlace).AbsolutePath.Trim('/');
        var stream = File.OpenRead(file);
        await using (stream.ConfigureAwait(false))
        {
            using var content = new StreamContent(stream);
            var address = Artifacts + path + "/" + string.Join('/', name.Split('/').Select(Uri.EscapeDataString));
            using var answer = await _http.PutAsync(new Uri(address, UriKind.Relative), content, cancellation)
                .ConfigureAwait(false);
            await RequireAsync(answer, cancellation).ConfigureAwait(false);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<string> ExperimentAsync(CancellationToken cancellation)
    {
        try
        {
            var found = await GetAsync(
                $"experiments/get-by-name?experiment_name={Uri.EscapeDataString(_settings.Experiment)}", cancellation)
                .ConfigureAwait(false);
            return Text(found["experiment"]?["experiment_id"]);
        }
        catch (HttpRequestException fault) when (fault.StatusCode == HttpStatusCode.NotFound)
        {
            var made = await PostAsync("experiments/create", new() { ["name"] = _settings.Experiment }, cancellation)
                .ConfigureAwait(false);
            return Text(made["experiment_id"]);
        }
    }

    private async Task<JsonNode> GetAsync(string address, CancellationToken cancellation)
    {
        using var answer = await _http.GetAsync(new Uri(Api + address, UriKind.Relative), cancellation)
            .ConfigureAwait(false);
        return await RequireAsync(answer, cancellation).ConfigureAwait(false);
    }

    private async Task<JsonNode> PostAsync(string address, JsonObject body, CancellationToken cancellation)
    {
        using var answer = await _http.PostAsJsonAsync(new Uri(Api + address, UriKind.Relative), body, cancellation)
            .ConfigureAwait(false);
        return await RequireAsync(answer, cancellation).ConfigureAwait(false);
    }

    /// <summary>The answer as JSON; a refusal as the server explains it.</summary>
    private static async Task<JsonNode> RequireAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        var text = await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
        JsonNode? body = null;
        try
        {
            body = text.Length == 0 ? new JsonObject() : JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            // A proxy's page, perhaps; the status says enough.
        }

        if (answer.IsSuccessStatusCode)
            return body ?? throw new HttpRequestException("It answered with something other than JSON.");
        var message = (body as JsonObject)?["message"] is JsonValue said ? said.ToString() : answer.ReasonPhrase;
        throw new HttpRequestException(
            $"It answered {(int)answer.StatusCode}: {VisibleText.InOneLine(message ?? "", 300)}", null,
            answer.StatusCode);
    }

    private static string Text(JsonNode? node) => node is JsonValue value
        ? value.ToString()
        : throw new HttpRequestException("Its answer lacks what MLflow's protocol says.");

    private static JsonArray Pairs(IEnumerable<KeyValuePair<string, string>> pairs) => new([.. pairs.Select(
        pair => (JsonNode)new JsonObject { ["key"] = pair.Key, ["value"] = pair.Value })]);
}
