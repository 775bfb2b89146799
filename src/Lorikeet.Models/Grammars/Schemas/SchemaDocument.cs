using System.Text.Json;

namespace Lorikeet.Models.Grammars.Schemas;

/// <summary>A JSON schema, whose references and combinations it resolves.</summary>
/// <remarks>
/// <c>oneOf</c> is read as <c>anyOf</c>: that no second branch fits cannot be seen while a text is written, and of
/// branches that differ in their types or constants never two do.
/// </remarks>
internal sealed class SchemaDocument
{
    private const int MostShapes = 1_000;
    private const int DeepestReferences = 100;
    private const int MostCharacters = 1_000_000;

    private readonly JsonElement _root;
    private readonly HashSet<string> _open = []; // schemas that are being resolved

    private SchemaDocument(JsonElement root) => _root = root;

    /// <summary>The schema as a whole.</summary>
    public Subschema Root => Subschema.Of(new SchemaPart("#", _root));

    /// <summary>Reads the text of a schema.</summary>
    /// <exception cref="ConfigurationException">It is no JSON.</exception>
    public static SchemaDocument Parse(string json)
    {
        if (json.Length > MostCharacters)
        {
            throw new ConfigurationException(
                $"The JSON schema has {json.Length} characters. At most {MostCharacters} were expected. "
                + "Move what it repeats into '$defs'.");
        }

        try
        {
            return new SchemaDocument(JsonElement.Parse(json));
        }
        catch (JsonException fault)
        {
            throw new ConfigurationException(
                $"The JSON schema is not JSON: {fault.Message} Correct it, or check that the file is meant.", fault);
        }
    }

    /// <summary>All ways to satisfy a part of the schema; none when nothing can.</summary>
    /// <exception cref="ConfigurationException">The schema is wrong, or has what is not supported.</exception>
    public List<SchemaShape> Shapes(Subschema schema) => schema.Parts.Aggregate(
        new List<SchemaShape> { SchemaShape.Any }, (shapes, part) => Combine(part, shapes, Shapes(part)));

    private List<SchemaShape> Shapes(SchemaPart schema)
    {
        if (schema.Element.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return schema.Element.GetBoolean() ? [SchemaShape.Any] : [];
        if (schema.Element.ValueKind != JsonValueKind.Object)
            throw schema.Fault("a schema was expected", "Write an object, true or false");
        if (_open.Count == DeepestReferences)
            throw schema.Fault($"more than {DeepestReferences} references follow each other", "Write it flatter");
        if (!_open.Add(schema.Path))
            throw schema.Fault("the schema is defined by itself", "Put an object or a list between");
        var shapes = new List<SchemaShape> { ShapeReader.Read(schema) };
        foreach (var member in schema.Element.EnumerateObject())
        {
            var value = schema.At(member.Name, member.Value);
            if (member.Name == "$ref")
                shapes = Combine(value, shapes, Shapes(Resolve(value)));
            else if (member.Name == "allOf")
                shapes = Branches(value).Aggregate(shapes, (all, branch) => Combine(value, all, Shapes(branch)));
            else if (member.Name is "anyOf" or "oneOf")
                shapes = Combine(value, shapes, [.. Branches(value).SelectMany(Shapes)]);
        }

        _open.Remove(schema.Path);
        return shapes;
    }

    private static List<SchemaShape> Combine(SchemaPart part, List<SchemaShape> left, List<SchemaShape> right)
    {
        var ways = (long)left.Count * right.Count;
        if (ways > MostShapes)
        {
            throw part.Fault(
                $"alternatives combine in {ways} ways, and at most {MostShapes} are supported",
                "Give fewer of them side by side");
        }

        return [.. left.SelectMany(_ => right, (one, two) => one.And(two))];
    }

    private static IEnumerable<SchemaPart> Branches(SchemaPart list)
    {
        if (list.Element.ValueKind != JsonValueKind.Array || list.Element.GetArrayLength() == 0)
            throw list.Fault("a list of schemas was expected", "Write at least one, in brackets");
        return list.Element.EnumerateArray().Select((branch, i) => list.At($"{i}", branch));
    }

    /// <summary>The schema that a reference means.</summary>
    private SchemaPart Resolve(SchemaPart reference)
    {
        var pointer = reference.Element.ValueKind == JsonValueKind.String ? reference.Element.GetString()! : "";
        if (pointer != "#" && !pointer.StartsWith("#/", StringComparison.Ordinal))
        {
            throw reference.Fault(
                $"the reference {reference.Element.GetRawText()} leads out of the schema",
                "Refer to a part of it, such as '#/$defs/name'");
        }

        var target = new SchemaPart("#", _root);
        foreach (var escaped in pointer.Split('/').Skip(1))
        {
            var name = Uri.UnescapeDataString(escaped)
                .Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            target = Member(target, name)
                ?? throw reference.Fault($"the reference '{pointer}' leads nowhere", "Define what it refers to");
        }

        return target;
    }

    private static SchemaPart? Member(SchemaPart part, string name)
    {
        if (part.Element.ValueKind == JsonValueKind.Object && part.Element.TryGetProperty(name, out var member))
            return part.At(name, member);
        if (part.Element.ValueKind == JsonValueKind.Array && int.TryParse(name, out var index) && index >= 0
            && index < part.Element.GetArrayLength())
            return part.At(name, part.Element[index]);
        return null;
    }
}
