using System.CommandLine;
using Lorikeet.Configuration;

namespace Lorikeet.Cli.Shell;

/// <summary>One thing the program does: a command with its options, examples and action.</summary>
internal abstract class Verb : Command
{
    /// <summary>What <c>--json</c> does in most verbs.</summary>
    protected const string OneObject = "Print one JSON object instead of text.";

    private readonly Option<bool>? _json;

    /// <param name="name">What is typed.</param>
    /// <param name="description">What it is for, in one sentence.</param>
    /// <param name="json">What <c>--json</c> does; null for a verb without it.</param>
    protected Verb(string name, string description, string? json = null) : base(name, description)
    {
        if (json is null)
            return;
        _json = new Option<bool>("--json") { Description = json };
        Add(_json);
    }

    /// <summary>Command lines with what they do, for the help.</summary>
    public abstract IReadOnlyList<(string What, string Command)> Examples { get; }

    /// <summary>The options that help shows first; none where it shows all.</summary>
    public virtual IReadOnlyList<string> Essentials => [];

    /// <summary>An option's value when it is not set, as run.yaml has it.</summary>
    public virtual string DefaultOf(OptionDefinition option) => option.DefaultText;

    /// <summary>Does it; the result is the exit code.</summary>
    public abstract int Run(Invocation call);

    /// <summary>Whether <c>--json</c> was given.</summary>
    protected bool IsJson(Invocation call) => _json is not null && call.Arguments.GetValue(_json);
}
