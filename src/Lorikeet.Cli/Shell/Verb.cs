using System.CommandLine;

namespace Lorikeet.Cli.Shell;

/// <summary>One thing the program does: a command with its options, examples and action.</summary>
internal abstract class Verb(string name, string description) : Command(name, description)
{
    /// <summary>Command lines with what they do, for the help.</summary>
    public abstract IReadOnlyList<(string What, string Command)> Examples { get; }

    /// <summary>Options made from a catalog, shown in its groups; null when there are none.</summary>
    public virtual CatalogOptions? Catalog => null;

    /// <summary>Does it; the result is the exit code.</summary>
    public abstract Task<int> RunAsync(ParseResult arguments, Interruption interruption);
}
