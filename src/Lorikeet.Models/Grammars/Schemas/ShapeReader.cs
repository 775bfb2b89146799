using System.Text.Json;

namespace Lorikeet.Models.Grammars.Schemas;

/// <summary>Reads what a schema says of its own: all but references and combinations.</summary>
internal static class ShapeReader
{
    private static readonly string[] s_unsupported =
    [
        "not", "if", "then", "else", "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas",
        "dependencies", "contains", "minContains", "maxContains", "uniqueItems", "minProperties", "maxProperties",
        "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef",
    ];

    /// <summary>The shape of a schema that is an object.</summary>
    /// <exception cref="ConfigurationException">A keyword has a wrong value, or is not supported.</exception>
    public static SchemaShape Read(SchemaPart schema)
    {
        var shape = new SchemaShape();
        foreach (var member in schema.Element.EnumerateObject())
            shape = Add(shape, member.Name, schema.At(member.Name, member.Value));
        if (schema.Element.TryGetProperty("nullable", out var nullable) && nullable.ValueKind == JsonValueKind.True
            && shape.Types is { } types)
            shape = shape with { Types = types | JsonTypes.Null };
        return shape with { Implied = shape.Types is null ? shape.Implied : JsonTypes.None };
    }

    private static SchemaShape Add(SchemaShape shape, string keyword, SchemaPart value) => keyword switch
    {
        "type" => shape with { Types = Types(value) },
        "enum" => shape.And(new() { Values = [.. List(value)] }),
        "const" => shape.And(new() { Values = [value.Element] }),
        "properties" or "required" or "additionalProperties" => AddObject(shape, keyword, value),
        "items" or "prefixItems" or "minItems" or "maxItems" => AddArray(shape, keyword, value),
        "minLength" or "maxLength" or "pattern" or "format" => AddString(shape, keyword, value),
        "minimum" or "maximum" or "exclusiveMinimum" or "exclusiveMaximum" or "multipleOf" =>
            AddNumber(shape, keyword, value),
        "uniqueItems" when value.Element.ValueKind == JsonValueKind.False => shape,
        _ when s_unsupported.Contains(keyword) => throw value.Fault(
            $"'{keyword}' is not supported", "Leave it out, and check the answer for it"),
        _ => shape,
    };

    private static SchemaShape AddObject(SchemaShape shape, string keyword, SchemaPart value)
    {
        shape = shape with { Implied = shape.Implied | JsonTypes.Object };
        return keyword switch
        {
            "required" => shape with { Required = [.. List(value).Select(name => Text(name, value))] },
            "additionalProperties" => shape with { Additional = Subschema.Of(value) },
            _ => shape with
            {
                Properties = new(Members(value)
                    .DistinctBy(member => member.Name)
                    .Select(member => KeyValuePair.Create(
                        member.Name, Subschema.Of(value.At(member.Name, member.Value))))),
            },
        };
    }

    private static SchemaShape AddArray(SchemaShape shape, string keyword, SchemaPart value)
    {
        shape = shape with { Implied = shape.Implied | JsonTypes.Array };
        return keyword switch
        {
            "minItems" => shape with { MinItems = Count(value) },
            "maxItems" => shape with { MaxItems = Count(value) },
            // A list was how draft 7 wrote prefixItems.
            "items" when value.Element.ValueKind != JsonValueKind.Array => shape with { Items = Subschema.Of(value) },
            _ => shape with
            {
                PrefixItems =
                [
                    .. List(value).Select((item, i) => Subschema.Of(value.At($"{i}", item))),
                ],
            },
        };
    }

    private static SchemaShape AddString(SchemaShape shape, string keyword, SchemaPart value)
    {
        var text = shape.String;
        return shape with
        {
            Implied = shape.Implied | JsonTypes.String,
            String = keyword switch
            {
                "minLength" => text with { MinLength = Count(value) },
                "maxLength" => text with { MaxLength = Count(value) },
                "pattern" => text with { Patterns = [Text(value.Element, value)] },
                _ => text with { Formats = [Text(value.Element, value)] },
            },
        };
    }

    private static SchemaShape AddNumber(SchemaShape shape, string keyword, SchemaPart value)
    {
        var number = shape.Number;
        var bound = new NumberBound(Number(value), keyword.StartsWith("exclusive", StringComparison.Ordinal));
        return shape with
        {
            Implied = shape.Implied | JsonTypes.Integer | JsonTypes.Fraction,
            Number = keyword switch
            {
                "multipleOf" => number with { Decimals = Decimals(value, bound.Value) },
                "minimum" or "exclusiveMinimum" => number.And(new() { Least = bound }),
                _ => number.And(new() { Most = bound }),
            },
        };
    }

    private static JsonTypes Types(SchemaPart value) => value.Element.ValueKind == JsonValueKind.Array
        ? value.Element.EnumerateArray().Aggregate(JsonTypes.None, (types, name) => types | Type(name, value))
        : Type(value.Element, value);

    private static JsonTypes Type(JsonElement name, SchemaPart value) => Text(name, value) switch
    {
        "null" => JsonTypes.Null,
        "boolean" => JsonTypes.Boolean,
        "integer" => JsonTypes.Integer,
        "number" => JsonTypes.Integer | JsonTypes.Fraction,
        "string" => JsonTypes.String,
        "array" => JsonTypes.Array,
        "object" => JsonTypes.Object,
        var other => throw value.Fault(
            $"'{other}' is no type", "Write null, boolean, integer, number, string, array or object"),
    };

    private static int Decimals(SchemaPart value, decimal step)
    {
        for (var (decimals, power) = (0, 1m); decimals <= JsonNumbers.MostDecimals; decimals++, power /= 10)
            if (step == power)
                return decimals;
        throw value.Fault(
            $"multiples of {value.Element.GetRawText()} are not supported",
            "Write 1, 0.1, 0.01 and so on, or leave it out");
    }

    private static JsonElement.ArrayEnumerator List(SchemaPart value) => value.Element.ValueKind == JsonValueKind.Array
        ? value.Element.EnumerateArray()
        : throw value.Fault("a list was expected", "Write it in brackets");

    private static JsonElement.ObjectEnumerator Members(SchemaPart value) =>
        value.Element.ValueKind == JsonValueKind.Object
            ? value.Element.EnumerateObject()
            : throw value.Fault("an object was expected", "Write it in braces");

    private static string Text(JsonElement element, SchemaPart value) => element.ValueKind == JsonValueKind.String
        ? element.GetString()!
        : throw value.Fault($"{element.GetRawText()} is no string", "Write a string there");

    private static decimal Number(SchemaPart value) =>
        value.Element.ValueKind == JsonValueKind.Number && value.Element.TryGetDecimal(out var number)
            ? number
            : throw value.Fault("a number of at most 28 digits was expected", "Write one there");

    private static int Count(SchemaPart value) =>
        value.Element.ValueKind == JsonValueKind.Number && value.Element.TryGetInt32(out var count) && count >= 0
            ? count
            : throw value.Fault("a whole number from 0 on was expected", "Write one there");
}
