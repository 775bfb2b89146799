using Lorikeet.Data.Encoded;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;

namespace Lorikeet.Jobs;

/// <summary>
/// Writes report.md, report.html and the model card of a run; what cannot be written becomes a warning.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="isAdapter">Whether it trained an adapter, not all weights.</param>
/// <param name="program">How the program is called in the command of the model card.</param>
/// <param name="log">Where warnings go.</param>
internal sealed class RunReporting(PreparedRun run, bool isAdapter, string program, RunLog log)
{
    /// <summary>Writes report.md and report.html.</summary>
    /// <param name="trained">What the training came to.</param>
    /// <param name="time">When it ended.</param>
    /// <param name="nextCommands">Commands that the report suggests.</param>
    public void Write(TrainedRun trained, DateTimeOffset time, IReadOnlyList<NextCommand> nextCommands)
    {
        if (!run.Ranks.IsFirst)
            return;
        var report = ReportOf(trained, time, nextCommands);
        log.Attempt("The report could not be written", () => report.Write(run.Folder));
        log.Attempt("The model card could not be written", () => RunCard.Write(
            report, isAdapter ? run.Folder.AdapterFolder : run.Folder.ModelFolder, isAdapter, run.DatasetNames,
            trained.Question, run.Data.Format.RenderPrompt(trained.Question), program));
    }

    private RunReport ReportOf(TrainedRun trained, DateTimeOffset time, IReadOnlyList<NextCommand> nextCommands)
    {
        var (model, datasets) = (run.Options.Model.Model, run.DatasetNames);
        return new RunReport
        {
            Title = $"{RunName.OfModel(model)}, fine-tuned on {string.Join(", ", datasets.Select(RunName.OfDataset))}",
            Time = time,
            Summary = trained.Summary,
            Result = trained.Training,
            History = trained.History,
            Dataset = $"{string.Join(", ", datasets.Select(LocalPlaces.Name))} ({run.Data.ShapeDescription})",
            Lengths = LengthBin.Histogram(run.Data.TrainLengths),
            Settings = ReportSettings.Of(run.Resolved),
            Scores = trained.AllScores,
            Answers = trained.Answers,
            Warnings = log.Warnings,
            NextCommands = nextCommands,
        };
    }
}
