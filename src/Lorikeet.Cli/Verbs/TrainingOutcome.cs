using System.Text.Json;
using Lorikeet.Formats.Json;
using Lorikeet.Jobs;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verbs;

/// <summary>The end of a run as one JSON object.</summary>
internal static class TrainingOutcome
{
    public static string ToJson(FineTuning tuning, RunResult result) => JsonSerializer.Serialize(
        new
        {
            Output = tuning.Run.Folder,
            Adapter = tuning.Run.AdapterFolder,
            Reason = result.Reason.ToString().ToLowerInvariant(),
            result.Steps,
            result.TrainLoss,
            TrainingSeconds = result.Seconds,
            result.Tokens,
            result.PeakMemoryBytes,
            PredictedPeakMemoryBytes = tuning.Plan.Memory.Total,
            PredictedTokensPerSecond = tuning.Plan.Speed?.TokensPerSecond,
            BaseEvalLoss = tuning.HeldOutLoss?.Base,
            EvalLoss = tuning.HeldOutLoss?.Tuned,
            result.BestEvalLoss,
            result.BestStep,
        },
        JsonFormats.IndentedSnakeCase);
}
