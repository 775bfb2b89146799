using System.Diagnostics;

namespace Lorikeet.Cli.Shell;

/// <summary>This program as a process of its own.</summary>
internal static class OwnProgram
{
    /// <summary>What starts it once more.</summary>
    public static ProcessStartInfo With(IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!);
        if (Path.GetFileNameWithoutExtension(start.FileName) == "dotnet")
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Lorikeet.Cli.dll"));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return start;
    }
}
