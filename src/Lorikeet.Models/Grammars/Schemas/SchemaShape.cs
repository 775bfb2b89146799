using System.Text.Json;

namespace Lorikeet.Models.Grammars.Schemas;

/// <summary>One way to satisfy a schema, with all references and combinations resolved down to its members.</summary>
internal sealed record SchemaShape
{
    public static SchemaShape Any { get; } = new();

    /// <summary>The types that <c>type</c> allows; null where it is not given.</summary>
    public JsonTypes? Types { get; init; }

    /// <summary>The types that its other keywords speak of.</summary>
    public JsonTypes Implied { get; init; }

    /// <summary>The values that <c>enum</c> or <c>const</c> allow; null where neither is given.</summary>
    public IReadOnlyList<JsonElement>? Values { get; init; }

    public StringShape String { get; init; } = new();

    public NumberShape Number { get; init; } = new();

    public IReadOnlyList<Subschema> PrefixItems { get; init; } = [];

    public Subschema? Items { get; init; }

    public int MinItems { get; init; }

    public int? MaxItems { get; init; }

    /// <summary>Properties in the order in which they are written.</summary>
    public OrderedDictionary<string, Subschema> Properties { get; init; } = [];

    public IReadOnlyCollection<string> Required { get; init; } = [];

    public Subschema? Additional { get; init; }

    /// <summary>
    /// The types that may be written. Without <c>type</c>, they are those its keywords speak of, or else all.
    /// </summary>
    public JsonTypes Written => Types ?? (Implied == JsonTypes.None ? JsonTypes.All : Implied);

    /// <summary>What satisfies both.</summary>
    public SchemaShape And(SchemaShape other)
    {
        if (ReferenceEquals(this, Any))
            return other;
        if (ReferenceEquals(other, Any))
            return this;
        return new SchemaShape
        {
            Types = Types is { } types ? types & (other.Types ?? JsonTypes.All) : other.Types,
            Implied = Implied | other.Implied,
            Values = Values is null || other.Values is null
                ? Values ?? other.Values
                : [.. Values.Where(value => other.Values.Any(same => JsonElement.DeepEquals(value, same)))],
            String = String.And(other.String),
            Number = Number.And(other.Number),
            PrefixItems =
            [
                .. Enumerable.Range(0, Math.Max(PrefixItems.Count, other.PrefixItems.Count))
                    .Select(i => ItemAt(i).And(other.ItemAt(i))),
            ],
            Items = Both(Items, other.Items),
            MinItems = Math.Max(MinItems, other.MinItems),
            MaxItems = Smaller(MaxItems, other.MaxItems),
            Properties = new(Properties.Keys.Union(other.Properties.Keys).Select(name =>
                KeyValuePair.Create(name, Property(name).And(other.Property(name))))),
            Required = [.. Required.Union(other.Required)],
            Additional = Both(Additional, other.Additional),
        };
    }

    /// <summary>What an item must satisfy.</summary>
    public Subschema ItemAt(int index) =>
        index < PrefixItems.Count ? PrefixItems[index] : Items ?? Subschema.Any;

    private Subschema Property(string name) =>
        Properties.TryGetValue(name, out var property) ? property : Additional ?? Subschema.Any;

    private static Subschema? Both(Subschema? left, Subschema? right) =>
        left is null || right is null ? left ?? right : left.And(right);

    internal static int? Smaller(int? left, int? right) =>
        left is null || right is null ? left ?? right : Math.Min(left.Value, right.Value);
}

/// <summary>What a string must satisfy.</summary>
internal sealed record StringShape
{
    public int MinLength { get; init; }

    public int? MaxLength { get; init; }

    /// <summary>Expressions that must match somewhere in it.</summary>
    public IReadOnlyList<string> Patterns { get; init; } = [];

    public IReadOnlyList<string> Formats { get; init; } = [];

    /// <summary>The same for equal shapes.</summary>
    public string Key => $"{MinLength} {MaxLength} {string.Join('\n', Formats)}\n\n{string.Join('\n', Patterns)}";

    public StringShape And(StringShape other) => new()
    {
        MinLength = Math.Max(MinLength, other.MinLength),
        MaxLength = SchemaShape.Smaller(MaxLength, other.MaxLength),
        Patterns = [.. Patterns.Union(other.Patterns)],
        Formats = [.. Formats.Union(other.Formats)],
    };
}

/// <summary>What a number must satisfy.</summary>
internal sealed record NumberShape
{
    public NumberBound? Least { get; init; }

    public NumberBound? Most { get; init; }

    /// <summary>Most digits behind the point, from a <c>multipleOf</c> such as 0.01.</summary>
    public int? Decimals { get; init; }

    public NumberShape And(NumberShape other) => new()
    {
        Least = Tighter(Least, other.Least, isLeast: true),
        Most = Tighter(Most, other.Most, isLeast: false),
        Decimals = SchemaShape.Smaller(Decimals, other.Decimals),
    };

    public static NumberBound? Tighter(NumberBound? left, NumberBound? right, bool isLeast)
    {
        if (left is not { } one || right is not { } two)
            return left ?? right;
        if (one.Value == two.Value)
            return one.IsExcluded ? one : two;
        return one.Value > two.Value == isLeast ? one : two;
    }
}

/// <summary>The end of a range of numbers.</summary>
/// <param name="Value">The number.</param>
/// <param name="IsExcluded">Whether it lies outside the range.</param>
internal readonly record struct NumberBound(decimal Value, bool IsExcluded);
