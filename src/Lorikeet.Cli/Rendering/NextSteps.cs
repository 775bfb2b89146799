using Lorikeet.Runs.Reports;
using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>The exact commands to go on with, each on one unbroken line so that it can be copied.</summary>
internal static class NextSteps
{
    public static void Write(IAnsiConsole console, IReadOnlyList<NextCommand> commands)
    {
        foreach (var next in commands)
        {
            console.MarkupLine($"[dim]{next.Title(ReportLanguage.English)}[/]");
            console.Write(new Unbroken("  " + next.Command));
        }
    }
}
