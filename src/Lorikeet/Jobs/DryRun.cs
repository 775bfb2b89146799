using Lorikeet.Configuration;
using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>
/// The options of a dry run: everything is read and loaded as for the run itself, then one step is taken.
/// </summary>
internal static class DryRun
{
    /// <summary>The same run cut to one step, in a folder of its own.</summary>
    /// <param name="resolved">The run.</param>
    /// <param name="folder">A folder that is thrown away afterwards.</param>
    public static ResolvedOptions Of(ResolvedOptions resolved, string folder)
    {
        var options = resolved.Options;
        return resolved.With(options with
        {
            Optimization = options.Optimization with { MaxSteps = 1 },
            Evaluation = options.Evaluation with
            {
                Strategy = IntervalStrategy.No,
                LoadBestModelAtEnd = false,
                EarlyStoppingPatience = null,
            },
            Output = options.Output with
            {
                OutputDir = folder,
                ReportTo = [],
                SaveStrategy = IntervalStrategy.No,
                ResumeFromCheckpoint = null,
                Overwrite = true,
            },
        });
    }
}
