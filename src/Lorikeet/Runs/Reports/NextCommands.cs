using Lorikeet.Formats;

namespace Lorikeet.Runs.Reports;

/// <summary>The commands a finished run suggests.</summary>
public static class NextCommands
{
    /// <summary>How commands begin in files, which may be read elsewhere.</summary>
    public static string Program { get; } = OperatingSystem.IsWindows() ? "lorikeet" : "./lorikeet";

    /// <summary>The commands for a run.</summary>
    /// <param name="folder">The run; paths are shown relative to the current folder where it lies below.</param>
    /// <param name="question">A question the model was trained to answer.</param>
    /// <param name="finished">Whether the run came to its end; one that did not is resumed first of all.</param>
    /// <param name="isAdapter">Whether it trained an adapter, not all weights.</param>
    public static IReadOnlyList<NextCommand> Of(
        RunFolder folder, string question, bool finished = true, bool isAdapter = true)
    {
        var trained = isAdapter ? $"--adapter {Shown(folder.AdapterFolder)}" : $"--model {Shown(folder.ModelFolder)}";
        var merged = Shown(Path.Combine(folder.Folder, "merged"));
        var resume = new NextCommand(
            CommandPurpose.Resume,
            $"{Program} train {Shown(folder.OptionsFile)} --resume_from_checkpoint latest");
        if (!finished)
            return [resume];
        var merge = new NextCommand(CommandPurpose.Merge, $"{Program} merge {trained} --output {merged}");
        return
        [
            new(CommandPurpose.Generate, $"{Program} generate {trained} --prompt {Quoted(question)}"),
            new(CommandPurpose.Chat, $"{Program} chat {trained}"),
            .. isAdapter ? (NextCommand[])[merge] : [],
            new(CommandPurpose.OpenReport, Shown(folder.HtmlReport)),
        ];
    }

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
