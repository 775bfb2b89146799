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

    /// <summary>One JSON object on stdout instead of text.</summary>
    public static Option<bool> Json() => new("--json") { Description = "Print one JSON object instead of text." };

    /// <summary>Where to compute.</summary>
    public static Option<string> Device() => new("--device")
    {
        Description = "Where to compute: auto, cpu, cuda or cuda:N.",
        HelpName = "DEVICE",
        DefaultValueFactory = _ => "auto",
    };

    /// <summary>Another libtorch than NuGet's.</summary>
    public static Option<string?> LibTorch() => new("--libtorch")
    {
        Description = "Folder of a libtorch 2.10 or later to use; LORIKEET_LIBTORCH says the same.",
        HelpName = "DIR",
    };
}
