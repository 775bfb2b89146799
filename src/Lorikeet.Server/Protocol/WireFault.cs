using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;

namespace Lorikeet.Server.Protocol;

/// <summary>What a converter expected and did not find.</summary>
/// <param name="expected">The end of "Expected ".</param>
internal sealed class UnexpectedJsonException(string expected) : JsonException(expected);

/// <summary>
/// Says which argument of a body is of the wrong kind, with its value and what was expected, where the serializer
/// names a path and a .NET type.
/// </summary>
internal static partial class WireFault
{
    /// <summary>The error for what the serializer threw.</summary>
    /// <param name="body">The body.</param>
    /// <param name="type">What it was to be.</param>
    /// <param name="fault">What was thrown.</param>
    public static ApiException Explain(JsonElement body, JsonTypeInfo type, Exception fault)
    {
        var (param, value, expected) = ("", body, (Type?)type.Type);
        var info = (JsonTypeInfo?)type;
        foreach (Match step in Step().Matches((fault as JsonException)?.Path ?? ""))
        {
            if (step.Groups["index"] is { Success: true } index)
            {
                var position = int.Parse(index.Value, CultureInfo.InvariantCulture);
                if (value.ValueKind != JsonValueKind.Array || position >= value.GetArrayLength())
                    break;
                (param, value) = ($"{param}[{position}]", value[position]);
                expected = expected is null ? null : JsonWords.ElementOf(expected);
            }
            else
            {
                var name = step.Groups["name"].Success ? step.Groups["name"].Value : step.Groups["quoted"].Value;
                if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(name, out var inner))
                    break;
                (param, value) = (param.Length == 0 ? name : $"{param}.{name}", inner);
                expected = info is { Kind: JsonTypeInfoKind.Dictionary }
                    ? info.Type.GetGenericArguments()[^1]
                    : info?.Properties.FirstOrDefault(property => property.Name == name)?.PropertyType;
            }

            info = expected is null ? null : type.Options.TryGetTypeInfo(expected, out var known) ? known : null;
        }

        var words = fault switch
        {
            UnexpectedJsonException => fault.Message,
            InvalidOperationException or { InnerException: InvalidOperationException }
                when value.ValueKind == JsonValueKind.String && expected == typeof(string) =>
                "whole characters, and not half of one",
            _ => expected is null ? "another kind of value" : JsonWords.Of(expected),
        };
        return param.Length == 0
            ? ApiException.Wrong(null, $"A value in the body cannot be read. Expected {words}.", "invalid_type")
            : ApiException.Wrong(param, $"'{param}' is {JsonWords.Of(value)}. Expected {words}.", "invalid_type");
    }

    /// <summary>A step of a path: .name, ['name'] or [0].</summary>
    [GeneratedRegex(@"\.(?<name>[^.\[]+)|\['(?<quoted>[^']*)'\]|\[(?<index>\d{1,9})\]")]
    private static partial Regex Step();
}
