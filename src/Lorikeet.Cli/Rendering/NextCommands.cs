using Lorikeet.Formats;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;

namespace Lorikeet.Cli.Rendering;

/// <summary>The commands that a run suggests to go on with.</summary>
internal static class NextCommands
{
    /// <summary>The commands after a run.</summary>
    public static IReadOnlyList<NextCommand> After(RunResult result) =>
        Of(result.Folder, result.Question, finished: !result.IsInterrupted, isAdapter: result.IsAdapter);

    /// <summary>The commands for a run.</summary>
    /// <param name="folder">The run; paths are shown relative to the current folder where it lies below.</param>
    /// <param name="question">A question the model was trained to answer.</param>
    /// <param name="finished">Whether the run came to its end; one that did not is resumed first of all.</param>
    /// <param name="isAdapter">Whether it trained an adapter, not all weights.</param>
    public static IReadOnlyList<NextCommand> Of(
        RunFolder folder, string question, bool finished = true, bool isAdapter = true)
    {
        if (!finished)
            return [Resume(folder)];
        var trained = isAdapter ? $"--adapter {Shown(folder.AdapterFolder)}" : $"--model {Shown(folder.ModelFolder)}";
        var merged = Shown(Path.Combine(folder.Folder, "merged"));
        var merge = new NextCommand(CommandPurpose.Merge, $"{ProgramName.InFiles} merge {trained} --output {merged}");
        return
        [
            new(CommandPurpose.Generate, $"{ProgramName.InFiles} generate {trained} --prompt {Quoted(question)}"),
            new(CommandPurpose.Chat, $"{ProgramName.InFiles} chat {trained}"),
            .. isAdapter ? (NextCommand[])[merge] : [],
            new(CommandPurpose.OpenReport, Shown(folder.HtmlReport)),
        ];
    }

    /// <summary>The commands for a run.yaml that was just written.</summary>
    /// <param name="file">The file.</param>
    /// <param name="folder">Where its run will lie.</param>
    public static IReadOnlyList<NextCommand> OfNew(string file, RunFolder folder) =>
    [
        new(CommandPurpose.Plan, $"{ProgramName.InFiles} plan {Shown(file)}"),
        new(CommandPurpose.Train, $"{ProgramName.InFiles} train {Shown(file)}"),
        new(CommandPurpose.Chat, $"{ProgramName.InFiles} chat --adapter {Shown(folder.AdapterFolder)}"),
    ];

    /// <summary>The command that goes on from a run's last checkpoint.</summary>
    public static NextCommand Resume(RunFolder folder) => new(
        CommandPurpose.Resume,
        $"{ProgramName.InFiles} train {Shown(folder.OptionsFile)} --resume_from_checkpoint latest");

    private static string Shown(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        var shown = relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
        return shown.Any(character => !char.IsLetterOrDigit(character) && !"._-/\\:".Contains(character))
            ? Quoted(shown)
            : shown;
    }

    // Single quotes keep every character on Unix shells; cmd and PowerShell both read double quotes.
    private static string Quoted(string text)
    {
        var line = VisibleText.InOneLine(text, longest: 200);
        return OperatingSystem.IsWindows()
            ? $"\"{line.Replace("\"", "'")}\""
            : $"'{line.Replace("'", @"'\''")}'";
    }
}
