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

    public override Task<int> RunAsync(ParseResult arguments, Interruption interruption)
    {
        if (arguments.GetValue(_schema))
        {
            Console.Out.WriteLine(OptionsSchema.Create(OptionCatalog.Training));
            return Task.FromResult(0);
        }

        var catalog = OptionCatalog.Training;
        var given = arguments.GetValue(_names) ?? [];
        var names = given.Length > 0 ? given : catalog.Options.Select(option => option.Name);
        foreach (var name in names)
            Explain(catalog, name.TrimStart('-'));
        return Task.FromResult(0);
    }

    private static void Explain(OptionCatalog catalog, string name)
    {
        if (catalog.Find(name) is { } option)
        {
            Console.Out.WriteLine($"{option.Name}: {option.Help}");
            Console.Out.WriteLine($"  default  {option.DefaultText}");
            Console.Out.WriteLine($"  because  {option.Reason}");
            if (option.Choices.Count > 0)
                Console.Out.WriteLine($"  one of   {string.Join(", ", option.Choices)}");
            if (option.Range.Length > 0)
                Console.Out.WriteLine($"  range    {option.Range}");
            if (option.Aliases.Count > 0)
                Console.Out.WriteLine($"  also     {string.Join(", ", option.Aliases)}");
        }
        else
        {
            Console.Out.WriteLine($"{name}: {catalog.Explain(name)}");
        }

        Console.Out.WriteLine();
    }
}
