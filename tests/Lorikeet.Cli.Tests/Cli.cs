using Lorikeet.Cli.Rendering;

namespace Lorikeet.Cli.Tests;

/// <summary>
/// Runs command lines in the tests' own process, which takes a tenth of the time of starting the program. One test of
/// each verb starts it nevertheless (<see cref="CliProcess"/>).
/// </summary>
internal static class Cli
{
    /// <summary>Runs one to its end.</summary>
    public static CliResult Run(params string[] arguments) => Ask("", arguments);

    /// <summary>Runs one that reads from standard input.</summary>
    public static CliResult Ask(string input, params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var typed = new StringReader(input);
        var terminal = Terminal.Of(TextWriter.Synchronized(output), TextWriter.Synchronized(error), typed);
        var code = CommandLine.Run(arguments, terminal);
        return new CliResult(code, output.ToString(), error.ToString());
    }

    /// <summary>Runs one that has to succeed.</summary>
    public static CliResult Succeed(params string[] arguments)
    {
        var result = Run(arguments);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }
}

/// <summary>What a run left behind.</summary>
internal sealed record CliResult(int ExitCode, string Output, string Error);
