using System.Text.Encodings.Web;
using System.Text.Json;
using Lorikeet.Runs;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verbs;

/// <summary>The end of a run as one JSON object.</summary>
internal static class TrainingOutcome
{
    private static readonly JsonSerializerOptions s_format = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string ToJson(RunFolder run, RunResult result) => JsonSerializer.Serialize(
        new
        {
            Output = run.Folder,
            Adapter = run.AdapterFolder,
            Reason = result.Reason.ToString().ToLowerInvariant(),
            result.Steps,
            result.TrainLoss,
            TrainingSeconds = result.Seconds,
            result.Tokens,
            result.PeakMemoryBytes,
            result.BestEvalLoss,
            result.BestStep,
        },
        s_format);
}
