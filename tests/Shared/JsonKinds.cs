using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Testing;

/// <summary>Compares JSON the way Python reads it, where 6 and 6.0 are of different kinds.</summary>
internal static class JsonKinds
{
    /// <summary>Every value that both have under one key is of one kind.</summary>
    public static void AssertSame(JsonNode expected, JsonNode actual, string path = "")
    {
        if (expected is JsonObject members && actual is JsonObject others)
        {
            foreach (var (key, value) in members)
                if (value is not null && others[key] is { } other)
                    AssertSame(value, other, $"{path}.{key}");
            return;
        }

        if (expected is JsonArray items && actual is JsonArray same)
        {
            foreach (var (item, other) in items.Zip(same))
                if (item is not null && other is not null)
                    AssertSame(item, other, $"{path}[]");
            return;
        }

        Assert.True(
            Kind(expected) == Kind(actual),
            $"{path}: {actual.ToJsonString()} stands where {expected.ToJsonString()} does");
    }

    private static string Kind(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.Number => value.ToJsonString().AsSpan().ContainsAny('.', 'e', 'E') ? "float" : "int",
        JsonValueKind.True or JsonValueKind.False => "bool",
        var kind => kind.ToString(),
    };
}
