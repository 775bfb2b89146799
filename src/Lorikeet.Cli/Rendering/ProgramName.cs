using Lorikeet.Runs.Reports;

namespace Lorikeet.Cli.Rendering;

/// <summary>
/// How this program was started, so that the commands it prints can be copied from where the user stands.
/// </summary>
internal static class ProgramName
{
    /// <summary>Set by the script that starts the program, to the way it was called.</summary>
    private const string Variable = "LORIKEET_COMMAND";

    /// <summary>How commands begin in files, which may be read elsewhere.</summary>
    public static string InFiles { get; } = OperatingSystem.IsWindows() ? "lorikeet" : "./lorikeet";

    /// <summary>Commands of <see cref="NextCommands"/> with the program as it was called.</summary>
    public static IReadOnlyList<NextCommand> In(IEnumerable<NextCommand> commands) =>
        [.. commands.Select(next => next with { Command = In(next.Command) })];

    private static string In(string command) =>
        command.StartsWith(InFiles + " ", StringComparison.Ordinal) && Called() is { } called
            ? called + command[InFiles.Length..]
            : command;

    private static string? Called()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } called)
            return called;
        if (File.Exists(InFiles))
            return null;
        var program = Path.Combine(AppContext.BaseDirectory, "Lorikeet.Cli.dll");
        var process = Environment.ProcessPath!;
        var name = Path.GetFileNameWithoutExtension(process);
        if (name == "dotnet")
            return $"dotnet {program}";
        return IsOnPath(process) ? name : process;
    }

    /// <summary>Whether the bare name starts the program, as it does for an installed tool.</summary>
    private static bool IsOnPath(string process) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, Path.GetFileName(process)))) is { } first
        && Path.GetFullPath(first) == Path.GetDirectoryName(process);
}
