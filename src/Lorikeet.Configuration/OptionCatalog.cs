using System.Reflection;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Training;

namespace Lorikeet.Configuration;

/// <summary>
/// All options of a tree, found by reflection over <see cref="OptionAttribute"/>: what the command line, the file
/// reader, the help, the schema and run.yaml are made from.
/// </summary>
public sealed class OptionCatalog
{
    private readonly Dictionary<string, OptionDefinition> _byName = new(StringComparer.OrdinalIgnoreCase);

    private OptionCatalog(Type root, IReadOnlyDictionary<string, ForeignOption> foreign)
    {
        var defaults = Activator.CreateInstance(root)!;
        (Root, Foreign) = (root, foreign);
        Groups = [.. root.GetProperties().Where(IsGroup).Select(property => new OptionGroup(property))];
        Options = [.. root.GetProperties().SelectMany(property => Define(property, defaults))];
        foreach (var option in Options)
        {
            foreach (var name in option.AllNames)
                _byName.Add(name, option);
        }
    }

    /// <summary>The options of a training run, with the names of other tools that are understood besides.</summary>
    public static OptionCatalog Training { get; } = new(typeof(TrainingOptions), ForeignOptions.All);

    /// <summary>The options of another record: properties with <see cref="OptionAttribute"/>, or groups.</summary>
    public static OptionCatalog Of<T>() where T : new() => new(typeof(T), new Dictionary<string, ForeignOption>());

    /// <summary>Type of the tree.</summary>
    public Type Root { get; }

    /// <summary>Groups, in order; empty for a tree without.</summary>
    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <summary>Every option, in order.</summary>
    public IReadOnlyList<OptionDefinition> Options { get; }

    /// <summary>Names of other tools, by name.</summary>
    internal IReadOnlyDictionary<string, ForeignOption> Foreign { get; }

    /// <summary>The option with this name or alias, written with - or _; null when there is none.</summary>
    public OptionDefinition? Find(string name) => _byName.GetValueOrDefault(Normalise(name));

    /// <summary>The flag that <paramref name="name"/> switches off (no_shuffle), or null.</summary>
    internal OptionDefinition? FindNegated(string name)
    {
        var isNegated = name.StartsWith("no_", StringComparison.OrdinalIgnoreCase);
        return isNegated && Find(name[3..]) is { IsFlag: true } flag ? flag : null;
    }

    /// <summary>The name nearest to a mistyped one, or null when nothing is near.</summary>
    public string? Nearest(string name) =>
        NearestName.Among(_byName.Keys.Concat(Foreign.Keys), Normalise(name).ToLowerInvariant());

    /// <summary>
    /// Sets values on <paramref name="start"/> itself, which the caller must not share, and looks at every place that
    /// is to be written: whether it can be, and whether it is one that is read.
    /// </summary>
    /// <param name="settings">Names and values as the user wrote them.</param>
    /// <param name="start">The tree; what is not set keeps its value.</param>
    /// <exception cref="ConfigurationException">A name or a value is wrong; all such are named at once.</exception>
    /// <exception cref="StorageException">A place cannot be written.</exception>
    public T Bind<T>(IEnumerable<Setting> settings, T start) where T : class
    {
        var binder = new OptionBinder(this);
        binder.Apply(settings);
        var options = binder.Build(start);
        PlaceCheck.Run(this, options, name => binder.OriginOf(Find(name)!).Speak(name));
        return options;
    }

    /// <summary>Holds options that were made in code to the ranges that written ones have to keep.</summary>
    /// <param name="options">The tree, of the type <see cref="Root"/>.</param>
    /// <exception cref="ConfigurationException">Numbers are out of range; the message lists all of them.</exception>
    public void RequireRanges(object options) =>
        OptionBinder.ThrowIfWrong([.. OutOfRange(options, name => $"'{name}'")]);

    /// <summary>What is out of range, a sentence each that begins with the option.</summary>
    internal IEnumerable<string> OutOfRange(object options, Func<string, string> speak) =>
        from option in Options
        from value in option.OutOfRange(options)
        let expected = OptionValueReader.Describe(option)
        select $"{speak(option.Name)} is '{OptionValueWriter.ToYaml(value)}'. Expected {expected}.";

    /// <summary>Names of other tools that are understood.</summary>
    public IEnumerable<string> ForeignNames => Foreign.Keys;

    /// <summary>Whether a name of another tool is on or off there.</summary>
    public bool IsForeignFlag(string name) => Foreign[name].IsFlag;

    /// <summary>Whether a name means something: an option's, a switched-off flag's or one of another tool.</summary>
    /// <param name="name">With - or _.</param>
    public bool Knows(string name) =>
        Find(name) is not null || FindNegated(Normalise(name)) is not null || Foreign.ContainsKey(Normalise(name));

    /// <summary>What a name that is no option means: another tool's, a switched-off flag, or a slip.</summary>
    public string Explain(string name)
    {
        name = Normalise(name);
        if (FindNegated(name) is { } flag)
            return $"the same as '{flag.Name}: false'.";
        if (Foreign.TryGetValue(name, out var foreign))
            return foreign.Explain();
        return Nearest(name) is { } nearest ? $"not an option. Did you mean '{nearest}'?" : "not an option.";
    }

    /// <summary>The name that switches a flag off, as HfArgumentParser makes it: no_shuffle.</summary>
    public static string Negation(string flag) => "no_" + flag;

    internal static string Normalise(string name) => name.Replace('-', '_');

    private static bool IsGroup(PropertyInfo property) =>
        property.PropertyType.GetProperties().Any(inner => inner.IsDefined(typeof(OptionAttribute)));

    private static IEnumerable<OptionDefinition> Define(PropertyInfo property, object defaults)
    {
        if (property.GetCustomAttribute<OptionAttribute>() is { } attribute)
            return [new OptionDefinition(null, property, attribute, defaults)];
        return from inner in property.PropertyType.GetProperties()
               let named = inner.GetCustomAttribute<OptionAttribute>()
               where named is not null
               select new OptionDefinition(property, inner, named, defaults);
    }
}

/// <summary>A group of options: a record in the tree, a nested mapping in YAML, a heading in the help.</summary>
public sealed class OptionGroup
{
    private readonly PropertyInfo _property;

    internal OptionGroup(PropertyInfo property) => _property = property;

    /// <summary>Lower case, the key of a nested mapping.</summary>
    public string Name => _property.Name.ToLowerInvariant();

    /// <summary>The group's heading in help.</summary>
    public string Title => _property.Name;

    /// <summary>What the options have in common.</summary>
    public string Summary => OptionDocumentation.Of(_property).Summary;
}
