using System.CommandLine;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Verbs;

/// <summary>Explains the options of training: names, range, default and its reason; or their JSON schema.</summary>
internal sealed class OptionsVerb : Verb
{
    private readonly Argument<string[]> _names = new("NAME")
    {
        Description = "Options to explain; all of them when none is named.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<bool> _schema = new("--schema")
    {
        Description = "Print a JSON schema of run.yaml, for completion in editors.",
    };

    public OptionsVerb()
        : base("options", "Explain the options of training: what they mean, and why their defaults are what they are.")
    {
        Add(_names);
        Add(_schema);
    }

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("what a name means, in Lorikeet's or another tool's words", "options lora_r max_seq_length bf16"),
        ("a schema for your editor: begin run.yaml with '# yaml-language-server: $schema=lorikeet.schema.json'",
            "options --schema > lorikeet.schema.json"),
    ];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, _) = call;
        if (arguments.GetValue(_schema))
        {
            terminal.Out.WriteLine(OptionsSchema.Create(OptionCatalog.Training));
            return 0;
        }

        var catalog = OptionCatalog.Training;
        var given = arguments.GetValue(_names) ?? [];
        var names = given.Length > 0 ? given : catalog.Options.Select(option => option.Name);
        foreach (var name in names)
            Explain(terminal.Out, catalog, name.TrimStart('-'));
        return names.All(name => catalog.Knows(name.TrimStart('-'))) ? 0 : ExitCodes.WrongInput;
    }

    private static void Explain(TextWriter output, OptionCatalog catalog, string name)
    {
        if (catalog.Find(name) is { } option)
        {
            output.WriteLine($"{option.Name}: {option.Help}");
            output.WriteLine($"  default  {option.DefaultText}");
            output.WriteLine($"  because  {option.Reason}");
            if (option.Choices.Count > 0)
                output.WriteLine($"  one of   {string.Join(", ", option.Choices)}");
            if (option.Range.Length > 0)
                output.WriteLine($"  range    {option.Range}");
            if (option.Aliases.Count > 0)
                output.WriteLine($"  also     {string.Join(", ", option.Aliases)}");
        }
        else
        {
            output.WriteLine($"{name}: {catalog.Explain(name)}");
        }

        output.WriteLine();
    }
}
