using Lorikeet.Formats;

namespace Lorikeet.Configuration;

/// <summary>
/// Collects settings layer by layer into values for the options of a catalog. Problems and warnings are gathered, so
/// that a user sees all of them at once.
/// </summary>
internal sealed class OptionBinder(OptionCatalog catalog)
{
    /// <summary>What Python programs pass as one argument; the names inside are options of their own.</summary>
    public static string[] ArgumentObjects { get; } =
        ["model_init_kwargs", "quantization_config", "bnb_config", "peft_config", "lora_config", "training_arguments"];

    private const int MostShown = 20;
    private const int LongestShown = 200;

    private readonly Dictionary<OptionDefinition, BoundValue> _values = [];

    /// <summary>What must be fixed before the options can be used.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>What the user may intend but should know.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Applies a layer: its values override those of earlier layers, and contradict each other.</summary>
    public void Apply(IEnumerable<Setting> layer)
    {
        var bound = new Dictionary<OptionDefinition, BoundValue>();
        foreach (var setting in layer.SelectMany(Translate))
            Bind(bound, setting);
        foreach (var (option, value) in bound)
            _values[option] = value;
    }

    /// <summary>Applies the entries of a file, some of which may be groups.</summary>
    public void Apply(IEnumerable<FileEntry> entries, string file, OptionSource source = OptionSource.File) =>
        Apply(entries.SelectMany(entry => Flatten(entry, file, source)));

    /// <summary>Where an option's value comes from.</summary>
    public OptionOrigin OriginOf(OptionDefinition option) =>
        _values.TryGetValue(option, out var value) ? value.Setting.Origin : OptionOrigin.Default;

    /// <summary>A new tree with the values in place.</summary>
    /// <exception cref="ConfigurationException">There are problems.</exception>
    public T Build<T>() where T : class, new() => Build(new T());

    /// <summary>
    /// Sets the values on <paramref name="start"/> itself, and returns it; the caller must not share it.
    /// </summary>
    /// <exception cref="ConfigurationException">There are problems.</exception>
    public T Build<T>(T start) where T : class
    {
        ThrowIfWrong(Problems);
        foreach (var (option, value) in _values)
            option.Set(start, value.Value);
        return start;
    }

    /// <summary>Throws one error that lists every problem.</summary>
    public static void ThrowIfWrong(IReadOnlyList<string> problems)
    {
        if (problems.Count == 0)
            return;
        if (problems.Count == 1)
            throw new ConfigurationException(problems[0]);
        var more = problems.Count > MostShown ? $"\n  and {problems.Count - MostShown} more" : "";
        throw new ConfigurationException(
            $"{problems.Count} options are wrong:\n  {string.Join("\n  ", problems.Take(MostShown))}{more}");
    }

    private IEnumerable<Setting> Flatten(FileEntry entry, string file, OptionSource source)
    {
        var origin = new OptionOrigin(source, source == OptionSource.File ? $"{file}:{entry.Line}" : file);
        if (entry.Items is not null && !catalog.Foreign.ContainsKey(OptionCatalog.Normalise(entry.Key)))
        {
            Problems.Add(
                $"{origin.Text}: '{entry.Key}' holds a list or mapping inside its list. Expected plain values.");
            return [];
        }

        var group = catalog.Groups.FirstOrDefault(
            group => string.Equals(group.Name, entry.Key, StringComparison.OrdinalIgnoreCase));
        if (group is null || entry.Inner is null)
        {
            var name = OptionCatalog.Normalise(entry.Key);
            if (entry.Inner is not null && ArgumentObjects.Contains(name))
                return entry.Inner.SelectMany(inner => Flatten(inner, file, source));
            if (entry.Value is not null && (entry.Inner is null || !catalog.Foreign.ContainsKey(name)))
                return [new Setting(entry.Key, entry.Value, origin) { Spelled = entry.Spelled }];
            if (catalog.Foreign.ContainsKey(name))
                return [new Setting(
                    entry.Key, new RawValue.Scalar(entry.Inner is { Count: 0 } ? null : "{...}"), origin)];
            Problems.Add($"{origin.Speak(entry.Key)} holds a mapping. {NotAGroup(entry.Key)}");
            return [];
        }

        return entry.Inner.SelectMany(inner => FlattenInner(inner, group, file, source));
    }

    private IEnumerable<Setting> FlattenInner(FileEntry inner, OptionGroup group, string file, OptionSource source)
    {
        // Inside 'lora:', 'dropout' may stand for 'lora_dropout'.
        var prefixed = $"{group.Name}_{inner.Key}";
        var isKnown = catalog.Find(inner.Key) is not null || catalog.Foreign.ContainsKey(inner.Key);
        var name = !isKnown && catalog.Find(prefixed) is not null ? prefixed : inner.Key;
        if (catalog.Find(name) is not { } option || option.Group == group.Name)
            return Flatten(inner with { Key = name }, file, source);
        Problems.Add($"{file}:{inner.Line}: '{inner.Key}' belongs to '{option.Group}', not to '{group.Name}'. "
            + "Move it there, or to the top level.");
        return [];
    }

    private IEnumerable<Setting> Translate(Setting setting)
    {
        var name = OptionCatalog.Normalise(setting.Name);
        if (catalog.FindNegated(name) is { } flag)
            return Negate(flag, setting);
        if (!catalog.Foreign.TryGetValue(name, out var foreign))
            return [setting];
        if (ArgumentObjects.Contains(name) && setting.Value is RawValue.Scalar { Text: ['{', ..] json }
            && ConfigurationFile.ReadInline(json) is { } inner)
        {
            return inner.SelectMany(pair => Translate(
                new Setting(pair.Key, new RawValue.Scalar(pair.Value), setting.Origin)));
        }

        if (catalog.Find(name) is null && ForeignDefaults.Holds(name, setting.Value))
            return [];
        switch (foreign.Interpret(setting.Value.Display))
        {
            case ForeignMeaning.Same same:
                return same.Settings.Select(pair => setting with
                {
                    Name = pair.Name,
                    Value = new RawValue.Scalar(pair.Value),
                    Spelled = setting.Name,
                });
            case ForeignMeaning.NoEffect none:
                Warnings.Add($"{setting.Spoken} has no effect here. {none.Reason}");
                return [];
            case ForeignMeaning.Refused { IsSecret: true } secret:
                Problems.Add($"{setting.Spoken} is given. {secret.Reason}");
                return [];
            case ForeignMeaning.Refused refused:
                Problems.Add($"{setting.Spoken} is '{Shown(setting.Value)}'. {refused.Reason}");
                return [];
            default:
                return [setting];
        }
    }

    private IEnumerable<Setting> Negate(OptionDefinition flag, Setting setting)
    {
        var value = setting.Value.Display;
        if (OptionValueReader.IsTrue(value) || OptionValueReader.IsFalse(value))
        {
            var opposite = new RawValue.Scalar(OptionValueReader.IsTrue(value) ? "false" : "true");
            return [setting with { Name = flag.Name, Value = opposite, Spelled = setting.Name }];
        }

        Problems.Add($"{setting.Spoken} is '{value}'. Expected true or false.");
        return [];
    }

    private void Bind(Dictionary<OptionDefinition, BoundValue> layer, Setting setting)
    {
        if (catalog.Find(setting.Name) is not { } option)
        {
            var spoken = VisibleText.InOneLine(setting.Spoken, LongestShown);
            Problems.Add($"{spoken} is not an option. {DidYouMean(setting.Name)}");
            return;
        }

        // Programs write every synonym of an option; the one that is not set says nothing.
        var isSynonym = !option.Name.Equals(OptionCatalog.Normalise(setting.Name), StringComparison.OrdinalIgnoreCase);
        if (isSynonym && setting.Value is RawValue.Scalar { Text: null })
            return;

        var value = OptionValueReader.Read(option, setting.Value, out var expected);
        if (expected is not null)
        {
            Problems.Add($"{setting.Spoken} is '{Shown(setting.Value)}'. Expected {expected}.");
            return;
        }

        if (!layer.TryGetValue(option, out var earlier) || earlier.Text == "auto")
            layer[option] = new BoundValue(value, setting);
        else if (earlier.Setting.Spelled == setting.Spelled && setting.Origin.Source == OptionSource.File)
            Problems.Add($"{setting.Spoken} is there twice, first at {earlier.Setting.Origin.Text}. Remove one.");
        else if (earlier.Text != setting.Value.Display && setting.Value.Display != "auto")
        {
            Problems.Add($"{setting.Spoken} sets {option.Name} to '{Shown(setting.Value)}', but "
                + $"{earlier.Setting.Spoken} sets it to '{Shown(earlier.Setting.Value)}'. Remove one of the two.");
        }
    }

    private string NotAGroup(string name)
    {
        var groups = string.Join(", ", catalog.Groups.Select(group => group.Name));
        return catalog.Find(name) is null ? $"Expected one of the groups {groups}." : "Expected plain values.";
    }

    // Looking for what was meant takes longer than all else; the rest is only counted.
    private string DidYouMean(string name) => Problems.Count < MostShown && catalog.Nearest(name) is { } nearest
        ? $"Did you mean '{nearest}'?"
        : "The help lists all options.";

    private static string Shown(RawValue value) => VisibleText.InOneLine(value.Display, LongestShown);

    private sealed record BoundValue(object? Value, Setting Setting)
    {
        public string Text => Setting.Value.Display;
    }
}
