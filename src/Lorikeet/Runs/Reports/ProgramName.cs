namespace Lorikeet.Runs.Reports;

/// <summary>How this program is called, in commands that can be copied from where the user stands.</summary>
internal static class ProgramName
{
    /// <summary>Set by the script that starts the program, to the way it was called.</summary>
    private const string Variable = "LORIKEET_COMMAND";

    private static readonly string s_script = OperatingSystem.IsWindows() ? "lorikeet" : "./lorikeet";

    /// <summary>./lorikeet in the repository, else the path it was started by.</summary>
    public static string Current => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } called ? called : s_script;

    /// <summary>A command line of this program.</summary>
    public static string Command(string arguments) => $"{Current} {arguments}";
}
