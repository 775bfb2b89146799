using System.CommandLine;
using Lorikeet.Configuration;

namespace Lorikeet.Cli.Shell;

/// <summary>One thing the program does: a command with its options, examples and action.</summary>
internal abstract class Verb(string name, string description) : Command(name, description)
{
    /// <summary>Command lines with what they do, for the help.</summary>
    public abstract IReadOnlyList<(string What, string Command)> Examples { get; }

    /// <summary>Options made from a catalog, shown in its groups; null when there are none.</summary>
    public virtual CatalogOptions? Catalog => null;

    /// <summary>The options that help shows first; none where it shows all.</summary>
    public virtual IReadOnlyList<string> Essentials => [];

    /// <summary>What an option is when nobody names it, as run.yaml has it.</summary>
    public virtual string DefaultOf(OptionDefinition option) => option.DefaultText;

    /// <summary>Does it; the result is the exit code.</summary>
    public abstract Task<int> RunAsync(ParseResult arguments, Interruption interruption);
}
