using System.Text.Json;

namespace Lorikeet.Server.Protocol;

/// <summary>
/// JSON may write halves of characters, <c>\ud800</c>, which no text of .NET's readers can hold: they are found before
/// anything reads them.
/// </summary>
internal static class WholeTexts
{
    /// <summary>Whether UTF-8 text has anything that may be half of a character: most has not.</summary>
    public static bool MayBeHalves(ReadOnlySpan<byte> text) =>
        text.IndexOf("\\ud"u8) >= 0 || text.IndexOf("\\uD"u8) >= 0;

    /// <summary>Refuses a value with half of a character in it.</summary>
    /// <param name="value">The value.</param>
    /// <param name="param">Its path.</param>
    /// <exception cref="ApiException">There is one in a text.</exception>
    /// <exception cref="InvalidOperationException">There is one in a name.</exception>
    public static void Require(JsonElement value, string param = "")
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String when !IsWhole(value):
                throw ApiException.Wrong(
                    param.Length > 0 ? param : null,
                    $"'{param}' is {JsonWords.Of(value)}. Expected whole characters, and not half of one.",
                    "invalid_type");
            case JsonValueKind.Array:
                for (var i = 0; i < value.GetArrayLength(); i++)
                    Require(value[i], $"{param}[{i}]");
                break;
            case JsonValueKind.Object:
                foreach (var property in value.EnumerateObject())
                    Require(property.Value, param.Length > 0 ? $"{param}.{property.Name}" : property.Name);
                break;
        }
    }

    private static bool IsWhole(JsonElement text)
    {
        try
        {
            return text.GetString() is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
