using System.Text;
using System.Text.Json;

namespace Lorikeet.Formats.Json;

/// <summary>Says what is wrong with a text that is not JSON, where, and how to put it right.</summary>
public static class JsonSyntax
{
    /// <summary>The error for a text that was refused.</summary>
    /// <param name="text">All of it.</param>
    /// <param name="origin">Where it is from.</param>
    /// <param name="fault">What the parser said.</param>
    public static LorikeetException Explain(ReadOnlySpan<byte> text, JsonOrigin origin, JsonException fault)
    {
        if (text.TrimStart(" \t\r\n"u8).IsEmpty)
            return origin.FaultAt(1, "the file is empty, where JSON was expected", origin.Advice, fault);
        if (KeyTwice(text) is var (key, second))
        {
            return origin.FaultAt(
                LineOf(text, second), $"the key '{key}' is there twice (character {ColumnOf(text, second)})",
                "Remove one of the two.", fault);
        }

        var at = OffsetOf(text, fault);
        var (what, place, advice) = Describe(text, at, fault);
        return origin.FaultAt(
            LineOf(text, place), $"{what} (character {ColumnOf(text, place)})", advice ?? origin.Advice, fault);
    }

    /// <summary>Whether a text has no escaped half of a surrogate pair that stands alone (<c>"\ud83d"</c>).</summary>
    /// <param name="text">JSON in UTF-8.</param>
    public static bool HasWholeCharacters(ReadOnlySpan<byte> text) => HalfSurrogate(text) is null;

    /// <summary>Refuses a text with an escaped half of a surrogate pair that stands alone.</summary>
    /// <param name="text">JSON in UTF-8.</param>
    /// <param name="origin">Where it is from.</param>
    /// <param name="advice">What to do about one.</param>
    /// <exception cref="LorikeetException">It has one; the message names line and character.</exception>
    public static void RequireWholeCharacters(ReadOnlySpan<byte> text, JsonOrigin origin, string advice)
    {
        if (HalfSurrogate(text) is not { } half)
            return;
        throw origin.FaultAt(
            LineOf(text, half),
            $"half of a surrogate pair ({Encoding.ASCII.GetString(text.Slice(half, 6))}), which is no character "
            + $"(character {ColumnOf(text, half)})",
            advice);
    }

    /// <summary>Line of a byte, from 1.</summary>
    internal static int LineOf(ReadOnlySpan<byte> text, int at) => 1 + text[..at].Count((byte)'\n');

    /// <summary>Character of a byte in its line, from 1.</summary>
    internal static int ColumnOf(ReadOnlySpan<byte> text, int at) =>
        1 + Encoding.UTF8.GetCharCount(text[(text[..at].LastIndexOf((byte)'\n') + 1)..at]);

    /// <summary>Where the first byte lies that belongs to no character.</summary>
    internal static int FirstInvalidByte(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (at < text.Length
            && Rune.DecodeFromUtf8(text[at..], out _, out var length) == System.Buffers.OperationStatus.Done)
            at += length;
        return Math.Min(at, text.Length - 1);
    }

    /// <summary>Where an escaped half of a surrogate pair stands alone; null when none does.</summary>
    internal static int? HalfSurrogate(ReadOnlySpan<byte> text)
    {
        for (var at = 0; text[at..].IndexOf((byte)'\\') is >= 0 and var next;)
        {
            at += next;
            var unit = Unit(text, at);
            if (unit is null)
            {
                at = Math.Min(at + 2, text.Length);
                continue;
            }

            if (char.IsHighSurrogate(unit.Value) && Unit(text, at + 6) is { } low && char.IsLowSurrogate(low))
                at += 6;
            else if (char.IsSurrogate(unit.Value))
                return at;
            at += 6;
        }

        return null;
    }

    private static char? Unit(ReadOnlySpan<byte> text, int at) =>
        at + 6 <= text.Length && text[at] == '\\' && text[at + 1] == 'u'
        && ushort.TryParse(
            text.Slice(at + 2, 4), System.Globalization.NumberStyles.AllowHexSpecifier, null, out var unit)
            ? (char)unit
            : null;

    private static (string What, int Place, string? Advice) Describe(
        ReadOnlySpan<byte> text, int at, JsonException fault)
    {
        var before = LastVisible(text, at);
        if (at >= text.Length || text[at..].TrimStart(" \t\r\n"u8).IsEmpty)
            return ("the text ends in the middle", before, "It was probably cut short; fetch it again.");
        var (here, previous) = ((char)text[at], before < 0 ? '\0' : (char)text[before]);
        if (here is ']' or '}' && previous == ',')
            return ($"a comma before '{here}'", before, "Remove it.");
        if (here is '/' or '#')
            return ("a comment, which JSON does not have", at, "Remove it.");
        if (here == '\'')
            return ("a single quote", at, "Strings take double quotes.");
        if (here == '<' && before < 0)
            return ("it begins with '<': a web page instead of JSON", at, null);
        if (here is '\n' or '\r' or '\t')
            return ("a line break or tab inside a string", at, @"Write \n or \t.");
        if (char.IsAsciiLetter(here))
            return Word(text, at);
        if (here is '"' or '{' or '[' && previous is '"' or '}' or ']' or (>= '0' and <= '9') or 'e' or 'l')
            return ($"a comma is missing before '{here}'", at, "Put it in.");
        return (Reason(fault), at, null);
    }

    private static (string What, int Place, string? Advice) Word(ReadOnlySpan<byte> text, int at)
    {
        while (at > 0 && char.IsAsciiLetter((char)text[at - 1]))
            at--;
        var end = at;
        while (end < text.Length && end - at < 40 && char.IsAsciiLetterOrDigit((char)text[end]))
            end++;
        var word = Encoding.ASCII.GetString(text[at..end]);
        return ($"the word '{word}' is no JSON", at, word switch
        {
            "True" or "False" => $"Write {word.ToLowerInvariant()}.",
            "None" or "undefined" or "nil" => "Write null.",
            _ => "Strings and keys take double quotes.",
        });
    }

    private static int LastVisible(ReadOnlySpan<byte> text, int at)
    {
        var i = Math.Min(at, text.Length) - 1;
        while (i >= 0 && text[i] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n')
            i--;
        return i;
    }

    /// <summary>The parser's own words, without the position and the API they add.</summary>
    private static string Reason(JsonException fault) => fault.Message
        .Split(" Path:")[0].Split(" LineNumber:")[0].Split(" Change the reader")[0].TrimEnd('.');

    private static int OffsetOf(ReadOnlySpan<byte> text, JsonException fault)
    {
        var start = 0;
        for (var line = fault.LineNumber ?? 0; line > 0; line--)
            start += text[start..].IndexOf((byte)'\n') + 1;
        return (int)Math.Min(start + (fault.BytePositionInLine ?? 0), text.Length);
    }

    private static (string Key, int At)? KeyTwice(ReadOnlySpan<byte> text)
    {
        var open = new Stack<HashSet<string>>();
        var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = JsonBytes.Depth });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.StartObject)
                    open.Push([]);
                else if (reader.TokenType == JsonTokenType.EndObject)
                    open.Pop();
                else if (reader.TokenType == JsonTokenType.PropertyName && reader.GetString()! is var key
                    && !open.Peek().Add(key))
                    return (key, (int)reader.TokenStartIndex);
            }
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException)
        {
            // The text is broken elsewhere, and that is the fault to tell.
        }

        return null;
    }
}
