using System.CommandLine;
using Lorikeet.Cli.Rendering;

namespace Lorikeet.Cli.Shell;

/// <summary>One call of a verb.</summary>
/// <param name="Arguments">What was typed.</param>
/// <param name="Terminal">Where it reads and writes.</param>
/// <param name="Interruption">What may end it early.</param>
internal sealed record Invocation(ParseResult Arguments, Terminal Terminal, Interruption Interruption)
{
    /// <summary>Shows what is fetched meanwhile.</summary>
    public DownloadReport Downloads { get; } = new(Terminal, Interruption, TimeProvider.System);
}
