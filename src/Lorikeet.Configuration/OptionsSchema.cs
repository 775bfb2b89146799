using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Lora;

namespace Lorikeet.Configuration;

/// <summary>The JSON schema of run.yaml, which editors complete and check by.</summary>
public static class OptionsSchema
{
    /// <summary>The schema of a catalog as indented JSON: flat names, and groups as nested objects.</summary>
    public static string Create(OptionCatalog catalog)
    {
        var flat = Properties(catalog.Options);
        foreach (var group in catalog.Groups)
        {
            var nested = new JsonObject
            {
                ["type"] = "object",
                ["description"] = group.Summary,
                ["additionalProperties"] = false,
                ["properties"] = Properties(catalog.Options.Where(option => option.Group == group.Name)),
            };
            // 'model' is both an option and a group.
            flat[group.Name] = flat[group.Name] is { } option ? AnyOf(option.DeepClone(), nested) : nested;
        }

        return new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "Options of a Lorikeet training run",
            ["type"] = "object",
            ["properties"] = flat,
        }.ToJsonString(JsonFormats.Indented);
    }

    private static JsonObject Properties(IEnumerable<OptionDefinition> options)
    {
        var properties = new JsonObject();
        foreach (var option in options)
        {
            properties[option.Name] = Describe(option);
            foreach (var alias in option.Aliases)
            {
                properties[alias] = new JsonObject
                {
                    ["description"] = $"The same as {option.Name}.",
                    ["$ref"] = $"#/properties/{option.Name}",
                };
            }
        }

        return properties;
    }

    private static JsonObject Describe(OptionDefinition option)
    {
        var element = Element(option);
        var schema =
            option.IsList || option.ValueType == typeof(TargetModules) ? AnyOf(element, ArrayOf(element.DeepClone()))
            : option.IsMapping ? new JsonObject { ["type"] = "object", ["additionalProperties"] = element }
            : element;
        if (option.IsOptional)
            schema = AnyOf(schema, Type("null"));
        schema["description"] = $"{option.Help} Default {option.DefaultText}: {option.Reason}";
        return schema;
    }

    private static JsonObject Element(OptionDefinition option)
    {
        var type = option.ElementType;
        if (option.Choices is { Count: > 0 } choices)
            return new JsonObject { ["enum"] = new JsonArray([.. choices.Select(Literal)]) };
        if (type == typeof(bool))
            return Type("boolean");
        if (type != typeof(int) && type != typeof(long) && type != typeof(double))
            return Type("string");

        var number = Type(type == typeof(double) ? "number" : "integer");
        if (double.IsFinite(option.Minimum))
            number["minimum"] = option.Minimum;
        if (double.IsFinite(option.Maximum))
            number["maximum"] = option.Maximum;
        if (double.IsFinite(option.Above))
            number["exclusiveMinimum"] = option.Above;
        if (double.IsFinite(option.Below))
            number["exclusiveMaximum"] = option.Below;
        if (option.Unset is null)
            return number;
        return AnyOf(number, new JsonObject { ["const"] = JsonNode.Parse(option.Unset) });
    }

    /// <summary>In YAML, true and false are no texts.</summary>
    private static JsonNode Literal(string choice) =>
        bool.TryParse(choice, out var flag) ? JsonValue.Create(flag) : JsonValue.Create(choice);

    private static JsonObject Type(string type) => new() { ["type"] = type };

    private static JsonObject ArrayOf(JsonNode items) => new() { ["type"] = "array", ["items"] = items };

    private static JsonObject AnyOf(params JsonNode[] schemas) => new() { ["anyOf"] = new JsonArray(schemas) };
}
