using Lorikeet.Training;
using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>Shows a run while it goes on; disposing it ends the display.</summary>
internal interface IProgressDisplay : ITrainingObserver, IDisposable;

/// <summary>Chooses how a run is shown.</summary>
internal static class ProgressDisplay
{
    /// <summary>The display for a mode, on stderr: standard output is for results.</summary>
    /// <param name="mode">Auto is rich where a person watches a terminal, plain elsewhere.</param>
    /// <param name="console">stderr.</param>
    /// <param name="loggingSteps">Steps between the lines of the plain display (<c>logging_steps</c>).</param>
    /// <param name="clock">Times stages and the run.</param>
    public static IProgressDisplay Create(
        ProgressMode mode, IAnsiConsole console, int loggingSteps, TimeProvider clock) =>
        mode switch
        {
            ProgressMode.Rich => new RichProgress(console, clock),
            ProgressMode.Plain => new PlainProgress(new VisibleWriter(console.Profile.Out.Writer), loggingSteps),
            ProgressMode.Json => new JsonProgress(console.Profile.Out.Writer),
            ProgressMode.None => new NoProgress(new VisibleWriter(console.Profile.Out.Writer)),
            _ => Create(
                console.Profile.Capabilities.Interactive && console.Profile.Capabilities.Ansi
                    ? ProgressMode.Rich
                    : ProgressMode.Plain,
                console, loggingSteps, clock),
        };
}
