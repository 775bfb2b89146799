using Lorikeet.Configuration;
using Lorikeet.Runs;
using Lorikeet.Runs.Mlflow;
using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>The trackers that <c>report_to</c> names, set up for a run.</summary>
internal static class RunTrackers
{
    /// <summary>Refuses a tracker that cannot be told anything, before any work is done.</summary>
    /// <exception cref="ConfigurationException">MLflow is asked for, and no server of it is named.</exception>
    public static void Require(TrainingOptions options)
    {
        if (options.Output.ReportTo.Contains(MetricSink.Mlflow))
            _ = MlflowSettings.FromEnvironment("");
    }

    /// <summary>What TensorBoard shows; null where it is not asked for.</summary>
    public static TensorBoardSettings? TensorBoard(PreparedRun run) =>
        run.Options.Output.ReportTo.Contains(MetricSink.TensorBoard)
            ? new TensorBoardSettings(
                run.Resolved.ToYaml(), run.Config.Source.ToJsonString(), run.Options.Output.LoggingSteps)
            : null;

    /// <summary>MLflow's log; null where it is not asked for.</summary>
    public static MlflowLog? Mlflow(ResolvedOptions resolved, RunFolder folder, TimeProvider clock)
    {
        var options = resolved.Options;
        return options.Output.ReportTo.Contains(MetricSink.Mlflow)
            ? new MlflowLog(
                MlflowSettings.FromEnvironment(options.Output.RunName ?? folder.Name),
                OptionCatalog.Training.Options.Select(
                    option => KeyValuePair.Create(option.Name, option.TextIn(options))),
                options.Output.LoggingSteps, clock)
            : null;
    }

    /// <summary>The files that a tracker keeps of a run, with their paths there.</summary>
    public static IEnumerable<(string File, string Name)> Files(RunFolder folder, TrainingOptions options)
    {
        string[] reports =
            [folder.OptionsFile, folder.MetricsFile, folder.RecordFile, folder.MarkdownReport, folder.HtmlReport];
        foreach (var file in reports)
            yield return (file, Path.GetFileName(file));
        if (!options.Output.ReportTo.Contains(MetricSink.Mlflow) || !MlflowSettings.FromEnvironment("").KeepsModel)
            yield break;
        foreach (var result in new[] { folder.AdapterFolder, folder.ModelFolder }.Where(Directory.Exists))
        {
            foreach (var file in Directory.EnumerateFiles(result, "*", SearchOption.AllDirectories))
                yield return (file, Path.GetRelativePath(folder.Folder, file).Replace('\\', '/'));
        }
    }
}
