using System.Text.Json;
using Lorikeet.Cli.Rendering;
using Lorikeet.Formats.Json;
using Lorikeet.Training;

namespace Lorikeet.Cli.Verbs;

/// <summary>Runs a training for the user at the console, and shows what came of it.</summary>
internal static class RunOutcome
{
    /// <summary>Trains; where a disk ends the run, the error says how to go on.</summary>
    public static RunResult Train(TrainingRun run, ITrainingObserver display, CancellationToken stop)
    {
        try
        {
            return run.Train(display, stop);
        }
        catch (StorageException fault) when (run.Folder is { } folder && folder.Checkpoints.Latest() is not null)
        {
            throw new StorageException(
                $"{fault.Message} Go on with: {NextCommands.Resume(folder).Command}", fault, fault.IsEnvironmental);
        }
    }

    /// <summary>Answers and scores as data, the commands to go on with as talk.</summary>
    public static void Show(Terminal terminal, RunResult result)
    {
        AnswerTable.Write(terminal.Data, result.Answers);
        ScoreTable.Write(terminal.Data, result.Scores);
        NextSteps.Write(terminal.Talk, ProgramName.In(NextCommands.After(result)));
    }

    /// <summary>The end of a run as one JSON object.</summary>
    public static string ToJson(RunResult result) => JsonSerializer.Serialize(
        new
        {
            Output = result.Folder.Folder,
            Adapter = result.Folder.AdapterFolder,
            Reason = result.Training.Reason.ToString().ToLowerInvariant(),
            result.Training.Steps,
            result.Training.TrainLoss,
            TrainingSeconds = result.Training.Seconds,
            result.Training.Tokens,
            result.Training.PeakMemoryBytes,
            PredictedPeakMemoryBytes = result.Plan.Memory.Total,
            PredictedTokensPerSecond = result.Plan.Speed?.TokensPerSecond,
            BaseEvalLoss = result.HeldOutLoss?.Base,
            EvalLoss = result.HeldOutLoss?.Tuned,
            result.Training.BestEvalLoss,
            result.Training.BestStep,
        },
        JsonFormats.IndentedSnakeCase);
}
