using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Formats;

namespace Lorikeet.Runs.Mlflow;

/// <summary>
/// Where and as what a run is kept in MLflow, by the variables that MLflow's clients and transformers' callback read.
/// </summary>
public sealed record MlflowSettings
{
    /// <summary>The server: <c>MLFLOW_TRACKING_URI</c>.</summary>
    public required Uri Server { get; init; }

    /// <summary>The experiment, made when it is missing: <c>MLFLOW_EXPERIMENT_NAME</c>, else <c>Default</c>.</summary>
    public string Experiment { get; init; } = "Default";

    /// <summary>A run to go on with: <c>MLFLOW_RUN_ID</c>; null for a new one.</summary>
    public string? RunId { get; init; }

    /// <summary>What a new run is called (<c>run_name</c>, else the name of its folder).</summary>
    public required string RunName { get; init; }

    /// <summary>
    /// <c>MLFLOW_TRACKING_TOKEN</c>, or <c>MLFLOW_TRACKING_USERNAME</c> and <c>MLFLOW_TRACKING_PASSWORD</c>, as the
    /// header Authorization has them; null for none.
    /// </summary>
    public string? Authorization { get; init; }

    /// <summary>Whether any certificate will do: <c>MLFLOW_TRACKING_INSECURE_TLS</c>.</summary>
    public bool TrustsAnyCertificate { get; init; }

    /// <summary>Tags of the run: <c>MLFLOW_TAGS</c>, a JSON object.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Tags { get; init; } = [];

    /// <summary>
    /// Whether the adapter or model is kept there too, not the reports alone: <c>HF_MLFLOW_LOG_ARTIFACTS</c>.
    /// </summary>
    public bool KeepsModel { get; init; }

    /// <summary>Reads the environment.</summary>
    /// <param name="runName">What a new run is called.</param>
    /// <exception cref="ConfigurationException">No server is named, or a variable holds what it cannot.</exception>
    public static MlflowSettings FromEnvironment(string runName) =>
        From(runName, Environment.GetEnvironmentVariable);

    internal static MlflowSettings From(string runName, Func<string, string?> variable)
    {
        string? Read(string name) => variable(name) is { Length: > 0 } value ? value : null;

        var address = Read("MLFLOW_TRACKING_URI") ?? throw new ConfigurationException(
            "'report_to' names mlflow, and MLFLOW_TRACKING_URI names no server. Set it to the server's address, such "
            + "as http://127.0.0.1:5000, or leave mlflow out of 'report_to'.");
        if (!Uri.TryCreate(address.TrimEnd('/') + "/", UriKind.Absolute, out var server)
            || server.Scheme is not ("http" or "https"))
        {
            throw new ConfigurationException(
                $"MLFLOW_TRACKING_URI is '{Secrets.Hide(address)}'. The address of a server was expected, such as "
                + "http://127.0.0.1:5000: folders and databases are written by MLflow's own clients alone.");
        }

        return new MlflowSettings
        {
            Server = server,
            Experiment = Read("MLFLOW_EXPERIMENT_NAME") ?? "Default",
            RunId = Read("MLFLOW_RUN_ID"),
            RunName = runName,
            Authorization = Read("MLFLOW_TRACKING_TOKEN") is { } token
                ? $"Bearer {token}"
                : Read("MLFLOW_TRACKING_USERNAME") is { } user
                    ? "Basic " + Convert.ToBase64String(
                        System.Text.Encoding.UTF8.GetBytes($"{user}:{Read("MLFLOW_TRACKING_PASSWORD")}"))
                    : null,
            TrustsAnyCertificate = IsTrue(Read("MLFLOW_TRACKING_INSECURE_TLS")),
            Tags = ReadTags(Read("MLFLOW_TAGS")),
            KeepsModel = IsTrue(Read("HF_MLFLOW_LOG_ARTIFACTS")),
        };
    }

    private static bool IsTrue(string? value) => value?.ToUpperInvariant() is "1" or "TRUE" or "YES" or "ON";

    private static IReadOnlyList<KeyValuePair<string, string>> ReadTags(string? text)
    {
        if (text is null)
            return [];
        try
        {
            if (JsonNode.Parse(text) is JsonObject tags)
                return [.. tags.Select(tag => KeyValuePair.Create(tag.Key, tag.Value?.ToString() ?? ""))];
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new ConfigurationException(
            $"MLFLOW_TAGS is '{Secrets.Hide(text)}'. A JSON object of names and values was expected, such as "
            + "{\"team\": \"qa\"}. Correct or unset it.");
    }
}
