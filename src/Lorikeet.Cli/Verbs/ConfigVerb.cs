using System.CommandLine;
using System.Text.Json.Nodes;
using Lorikeet.Cli.Shell;
using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Verbs;

/// <summary>
/// Shows what a configuration comes to and where each value is from, its schema, and other tools' files in Lorikeet's
/// words.
/// </summary>
internal sealed class ConfigVerb : CatalogVerb
{
    private const string Show = "show";
    private const string Schema = "schema";
    private const string Import = "import";

    private readonly Argument<string> _what = new("WHAT")
    { Description = "show, schema or import: what is done with the configuration" };

    private readonly Argument<string?> _file = new("FILE")
    {
        Description = "A YAML or JSON file: a run.yaml, or a configuration of trl, axolotl or LLaMA-Factory.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _write = new("--to")
    {
        Description = "The run.yaml that import writes; printed when left out.",
        HelpName = "FILE",
    };

    private readonly Option<bool> _changed = new("--changed")
    {
        Description = "Show what was set alone, not the defaults.",
    };

    public ConfigVerb() : base(
        "config", "Show what options come to and where each is from; translate configurations of other tools.",
        OptionCatalog.Training, "Print one JSON object: each option with its value and its origin.")
    {
        _what.AcceptOnlyFromAmong(Show, Schema, Import);
        Add(_what);
        Add(_file);
        Add(_write);
        Add(_changed);
    }

    public override IReadOnlyList<string> Essentials => ["preset", "model", "dataset", "output"];

    public override IReadOnlyList<(string What, string Command)> Examples { get; } =
    [
        ("every option of a run, with its origin", "config show run.yaml --lora_r 32"),
        ("a configuration of axolotl, LLaMA-Factory or trl as a run.yaml", "config import axolotl.yml --to run.yaml"),
        ("a schema for your editor", "config schema > lorikeet.schema.json"),
    ];

    public override int Run(Invocation call)
    {
        var (arguments, terminal, _) = call;
        var what = arguments.GetValue(_what);
        if (what == Schema)
        {
            terminal.Out.WriteLine(OptionsSchema.Create(OptionCatalog.Training));
            return 0;
        }

        var file = arguments.GetValue(_file);
        if (what == Import && file is null)
            throw new ConfigurationException("No file is named. Name the configuration to translate.");
        var resolved = OptionsResolver.Resolve(file, Catalog.Read(arguments), needsData: false);
        if (arguments.GetValue(_write) is { } place && what == Import)
            Write(terminal, resolved, place, file!);
        else if (IsJson(call))
            terminal.Out.WriteLine(ToJson(resolved, what == Import || arguments.GetValue(_changed)));
        else if (what == Import || arguments.GetValue(_changed))
            terminal.Out.WriteLine(resolved.ToShortYaml());
        else
            terminal.Out.Write(resolved.ToYaml());
        foreach (var warning in resolved.Warnings)
            terminal.Error.WriteLine($"note: {warning}");
        return 0;
    }

    private static void Write(Rendering.Terminal terminal, ResolvedOptions resolved, string place, string file)
    {
        if (File.Exists(place))
            throw new ConfigurationException($"'{place}' is there already, and stays. Name another file with 'to'.");
        AtomicFile.WriteText(place, $"# From {Path.GetFileName(file)}.\n{resolved.ToShortYaml()}\n");
        terminal.Error.WriteLine($"Wrote {place}.");
    }

    private static string ToJson(ResolvedOptions resolved, bool onlyChanged) => new JsonObject(
        OptionCatalog.Training.Options
            .Where(option => !onlyChanged || resolved.OriginOf(option.Name).Source != OptionSource.Default)
            .Select(option => KeyValuePair.Create(option.Name, (JsonNode?)new JsonObject
            {
                ["value"] = option.TextIn(resolved.Options),
                ["origin"] = resolved.OriginOf(option.Name).Text,
            }))).ToJsonString(JsonFormats.Indented);
}
