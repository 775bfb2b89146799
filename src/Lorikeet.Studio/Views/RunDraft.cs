using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Runs;
using Lorikeet.Studio.Records;
using Lorikeet.Studio.Work;

namespace Lorikeet.Studio.Views;

/// <summary>A run that is being described: what was typed, and what the library says of it.</summary>
/// <param name="places">Where runs lie.</param>
/// <param name="clock">Source of the date in a name.</param>
public sealed class RunDraft(StudioPlaces places, TimeProvider clock)
{
    // Where the run is written and how it is shown is the studio's matter; it starts no ranks.
    private static readonly string[] s_own =
    [
        "output", "run_name", "overwrite_output_dir", "resume_from_checkpoint", "progress", "dry_run", "dump_gradients",
    ];

    private const StringSplitOptions Blanks = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;

    private static readonly string[] s_essentials =
    [
        "model", "dataset", "eval_dataset", "test_size", "load_in_4bit", "lora_r", "lora_alpha", "learning_rate",
        "num_train_epochs", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "max_length",
        "eval_steps", "sample_on_eval", "preset",
    ];

    private readonly Dictionary<string, string> _typed = new(StringComparer.Ordinal);

    /// <summary>The options of which a run says most, in the order of the form.</summary>
    public static IReadOnlyList<OptionDefinition> Essentials { get; } =
        [.. s_essentials.Select(name => OptionCatalog.Training.Find(name)!)];

    /// <summary>The run's name; empty for one made of model, data and date.</summary>
    public string Name { get; set; } = "";

    /// <summary>What was typed, by option, in the catalogue's order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Typed =>
    [
        .. OptionCatalog.Training.Options.Where(option => _typed.ContainsKey(option.Name))
            .Select(option => KeyValuePair.Create(option.Name, _typed[option.Name])),
    ];

    /// <summary>The options as they would run; null while they cannot.</summary>
    public ResolvedOptions? Options { get; private set; }

    /// <summary>Why they cannot, in the library's words; null where they can.</summary>
    public string? Fault { get; private set; }

    /// <summary>The typed text of an option; null where its default stands.</summary>
    /// <param name="name">The option.</param>
    public string? this[string name] => _typed.GetValueOrDefault(name);

    /// <summary>The name that the run will have.</summary>
    public string FinalName => Name.Trim() is { Length: > 0 } name ? name
        : RunFolder.Named(this["model"] ?? "model", this["dataset"] ?? "data", clock, places.Runs).Name;

    /// <summary>Sets what was typed; nothing, or the default, takes it back.</summary>
    /// <param name="option">The option.</param>
    /// <param name="text">The text.</param>
    public void Set(OptionDefinition option, string? text)
    {
        text = text?.Trim();
        if (string.IsNullOrEmpty(text) || text == option.DefaultText)
            _typed.Remove(option.Name);
        else
            _typed[option.Name] = text;
    }

    /// <summary>The options of the other groups that a search finds, by group.</summary>
    /// <param name="search">A part of a name, an alias or an explanation; empty for all.</param>
    /// <param name="onlyChanged">Whether those are left out whose default stands.</param>
    public IReadOnlyList<(OptionGroup Group, IReadOnlyList<OptionDefinition> Options)> Find(
        string search, bool onlyChanged) =>
    [
        .. from @group in OptionCatalog.Training.Groups
           where @group.Name != "distributed"
           let found = OptionCatalog.Training.Options.Where(option => option.Group == @group.Name
               && !s_own.Contains(option.Name) && (!onlyChanged || _typed.ContainsKey(option.Name))
               && Matches(option, search.Trim())).ToList()
           where found.Count > 0
           select (@group, (IReadOnlyList<OptionDefinition>)found),
    ];

    /// <summary>Asks the library what it thinks of the options.</summary>
    public void Check()
    {
        (Options, Fault) = (null, null);
        try
        {
            Options = OptionsResolver.Resolve(null, Settings());
        }
        catch (Exception fault) when (fault is LorikeetException or IOException)
        {
            Fault = fault.Message;
        }
    }

    /// <summary>The run.yaml that describes the run.</summary>
    public string Yaml => Options is { } options ? RunYaml.Of(options) : "";

    /// <summary>The command that would start it.</summary>
    public string Command => RunYaml.Command(
        places.Program, [.. Typed, KeyValuePair.Create("output", StudioPlaces.Shown(places.RunFolder(FinalName)))]);

    /// <summary>Takes over what another run was made of.</summary>
    /// <param name="options">Its options.</param>
    public void Take(ResolvedOptions options)
    {
        foreach (var option in RunYaml.Changed(options).Where(option => !s_own.Contains(option.Name)))
            Set(option, TextOf(option, options));
    }

    private static string TextOf(OptionDefinition option, ResolvedOptions options) =>
        option.Get(options.Options) switch
        {
            IReadOnlyList<string> texts when option.SplitsAtCommas => string.Join(",", texts),
            IReadOnlyList<string> texts => string.Join("\n", texts),
            string text => text,
            _ => option.TextIn(options.Options).Trim('[', ']'),
        };

    private List<Setting> Settings() =>
    [
        .. Typed.Select(typed => OptionCatalog.Training.Find(typed.Key)! is { SplitsAtCommas: false, IsList: true }
            ? StudioOrigin.Set(typed.Key, typed.Value.Split('\n', Blanks))
            : StudioOrigin.Set(typed.Key, typed.Value)),
        StudioOrigin.Set("output", places.RunFolder(FinalName)),
    ];

    private static bool Matches(OptionDefinition option, string search) => search.Length == 0
        || option.AllNames.Any(
            name => name.Contains(search.Replace(' ', '_').Replace('-', '_'), StringComparison.OrdinalIgnoreCase))
        || option.Help.Contains(search, StringComparison.OrdinalIgnoreCase);
}
