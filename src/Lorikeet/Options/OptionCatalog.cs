using System.Reflection;

namespace Lorikeet.Options;

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
        Groups = [.. root.GetProperties().Where(IsGroup).Select(property => new OptionGroup(
            property.Name.ToLowerInvariant(), property.Name, OptionDocumentation.Summary(property)))];
        Options = [.. root.GetProperties().SelectMany(property => Define(property, defaults))];
        foreach (var option in Options)
        {
            foreach (var name in option.AllNames)
                _byName.Add(name, option);
        }
    }

    /// <summary>The options of a training run, with the names of other tools that are understood besides.</summary>
    public static OptionCatalog Training { get; } = new(typeof(TrainingOptions), ForeignOptions.All);

    /// <summary>The options of another record: properties with <see cref="OptionAttribute"/>, or groups of them.</summary>
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

    /// <summary>The name nearest to a mistyped one, or null when nothing is near.</summary>
    public string? Nearest(string name) =>
        NearestName.Among(_byName.Keys.Concat(Foreign.Keys), Normalise(name).ToLowerInvariant());

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

/// <summary>A group of options.</summary>
/// <param name="Name">Lower case, the key of a nested mapping in YAML.</param>
/// <param name="Title">For headings.</param>
/// <param name="Summary">What the options have in common.</param>
public sealed record OptionGroup(string Name, string Title, string Summary);
