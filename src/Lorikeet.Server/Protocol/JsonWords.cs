using System.Text.Json;
using Lorikeet.Formats;

namespace Lorikeet.Server.Protocol;

/// <summary>Values of JSON in an error's words.</summary>
internal static class JsonWords
{
    private const int Longest = 40;

    /// <summary>A value, short enough to be read in a sentence.</summary>
    public static string Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Undefined => "missing",
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => value.GetArrayLength() == 0 ? "an empty array" : "an array",
        JsonValueKind.String => $"the text {VisibleText.InOneLine(value.GetRawText(), Longest)}",
        _ => VisibleText.InOneLine(value.GetRawText(), Longest),
    };

    /// <summary>What a value of a type looks like.</summary>
    public static string Of(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string))
            return "a text";
        if (type == typeof(bool))
            return "true or false";
        if (type == typeof(int) || type == typeof(long))
            return "a whole number";
        if (type == typeof(double) || type == typeof(float))
            return "a number";
        return IsList(type) ? "an array" : "an object";
    }

    /// <summary>The elements' type of a list; null for another type.</summary>
    public static Type? ElementOf(Type type) => IsList(type) ? type.GetGenericArguments()[0] : null;

    private static bool IsList(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>);
}
