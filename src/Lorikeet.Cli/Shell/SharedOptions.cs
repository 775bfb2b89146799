using System.CommandLine;

namespace Lorikeet.Cli.Shell;

/// <summary>Options that mean the same wherever they appear.</summary>
internal static class SharedOptions
{
    /// <summary>Stack traces and details; every verb has it.</summary>
    public static Option<bool> Verbose { get; } = new("--verbose")
    {
        Description = "Show details, and the stack trace of an error.",
        Recursive = true,
    };

    /// <summary>Another libtorch than NuGet's.</summary>
    public static Option<string?> LibTorch() => new("--libtorch")
    {
        Description = "Folder of a libtorch 2.10 or later to use; LORIKEET_LIBTORCH says the same.",
        HelpName = "DIR",
    };
}
