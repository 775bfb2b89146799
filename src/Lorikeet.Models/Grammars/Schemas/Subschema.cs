using System.Text.Json;

namespace Lorikeet.Models.Grammars.Schemas;

/// <summary>What a value must satisfy: parts of the schema, all of them.</summary>
/// <param name="Parts">The parts; none lets any value pass.</param>
internal sealed record Subschema(IReadOnlyList<SchemaPart> Parts)
{
    public static Subschema Any { get; } = new([]);

    /// <summary>The same for equal subschemas, which is also what makes recursion end.</summary>
    public string Key { get; } = string.Join('&', Parts.Select(part => part.Path));

    public static Subschema Of(SchemaPart part) => new([part]);

    /// <summary>Both at once.</summary>
    public Subschema And(Subschema other) => new([.. Parts.UnionBy(other.Parts, part => part.Path)]);
}

/// <summary>A schema within the schema.</summary>
/// <param name="Path">Where it is: a JSON pointer after <c>#</c>, which no other has.</param>
/// <param name="Element">What stands there.</param>
internal readonly record struct SchemaPart(string Path, JsonElement Element)
{
    /// <summary>A member of an object, or an item of an array.</summary>
    public SchemaPart At(string name, JsonElement element)
    {
        var escaped = name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
        return new SchemaPart($"{Path}/{escaped}", element);
    }

    /// <summary>An error that says where in the schema it is.</summary>
    /// <param name="what">What is wrong, without a full stop.</param>
    /// <param name="advice">What to do, without a full stop.</param>
    public ConfigurationException Fault(string what, string advice) =>
        new($"The JSON schema cannot be used: {what}, at '{Path}'. {advice}.");
}
