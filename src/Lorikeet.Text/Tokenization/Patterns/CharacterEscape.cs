using System.Globalization;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>What follows a backslash, in .NET's spelling.</summary>
/// <param name="Outside">As an expression of its own.</param>
/// <param name="Inside">Within a character class; null where it has no place there.</param>
/// <param name="IsCharacter">Whether it is one character, which may be the end of a range.</param>
internal readonly record struct CharacterEscape(string Outside, string? Inside, bool IsCharacter = false)
{
    // .NET's covers less.
    private const string Word = WordCharacters.OnigurumaClass;

    private const string HexDigit = "0-9A-Fa-f";

    /// <summary>A character that stands for itself, in and outside of classes.</summary>
    public static string Literal(char character) =>
        char.IsAsciiLetterOrDigit(character) || character == '_' ? character.ToString() : $"\\u{(int)character:X4}";

    /// <summary>Reads the escape at <paramref name="position"/> and moves behind it.</summary>
    /// <exception cref="FormatException">There is no equal expression.</exception>
    public static CharacterEscape Read(string pattern, ref int position)
    {
        if (++position == pattern.Length)
            throw new FormatException($"The regular expression ends in a backslash: {pattern}");
        var escaped = pattern[position++];
        switch (escaped)
        {
            case 's' or 'S' or 'd' or 'D':
                return new CharacterEscape($"\\{escaped}", $"\\{escaped}");
            case 'w':
                return Class(Word);
            case 'W':
                return new CharacterEscape($"[^{Word}]", null);
            case 'h':
                return Class(HexDigit);
            case 'p' or 'P':
                return ReadProperty(pattern, ref position, isNegated: escaped == 'P');
            case 'x' or 'u':
                return Character(Literal(ReadCodePoint(pattern, ref position, escaped)));
            case 'n' or 'r' or 't' or 'f' or 'v' or 'a' or 'e':
                return Character($"\\{escaped}");
            case 'R':
                return new CharacterEscape(@"(?>\r\n|[\n-\r\u0085\u2028\u2029])", null);
            case 'b' or 'B' or 'A' or 'z' or 'Z':
                return new CharacterEscape($"\\{escaped}", escaped == 'b' ? @"\u0008" : null);
        }
        if (char.IsAsciiLetterOrDigit(escaped))
            throw new FormatException($"The regular expression has \\{escaped}, which .NET has no equal of: {pattern}");
        return Character(Literal(escaped));
    }

    private static CharacterEscape Character(string text) => new(text, text, IsCharacter: true);

    private static CharacterEscape Class(string inside) => new($"[{inside}]", inside);

    private static CharacterEscape ReadProperty(string pattern, ref int position, bool isNegated)
    {
        var end = pattern.IndexOf('}', position);
        if (end < 0 || pattern[position] != '{')
            throw new FormatException($"The regular expression has a property without braces: {pattern}");
        var name = pattern[(position + 1)..end];
        position = end + 1;
        if (name.StartsWith('^'))
            (name, isNegated) = (name[1..], !isNegated);
        if (name == "Han")
            return isNegated ? new CharacterEscape($"[^{Script.HanClass}]", null) : Class(Script.HanClass);
        if (CategoryOf(name) is { } category)
        {
            var text = $"\\{(isNegated ? 'P' : 'p')}{{{category}}}";
            return new CharacterEscape(text, text);
        }
        throw new FormatException($"The regular expression has the property '{name}', not known here: {pattern}");
    }

    private static string? CategoryOf(string name) => name.Replace("_", "", StringComparison.Ordinal) switch
    {
        "Letter" => "L",
        "Mark" => "M",
        "Number" => "N",
        "Punctuation" or "Punct" => "P",
        "Symbol" => "S",
        "Separator" => "Z",
        "Other" => "C",
        "UppercaseLetter" => "Lu",
        "LowercaseLetter" => "Ll",
        "DecimalNumber" => "Nd",
        { Length: 1 } category when "LMNPSZC".Contains(category[0]) => category,
        { Length: 2 } category when "LMNPSZC".Contains(category[0]) && char.IsAsciiLetterLower(category[1]) => category,
        _ => null,
    };

    // \xHH, \x{H...} and \uHHHH.
    private static char ReadCodePoint(string pattern, ref int position, char kind)
    {
        var isBraced = position < pattern.Length && pattern[position] == '{';
        var start = isBraced ? position + 1 : position;
        var end = isBraced ? pattern.IndexOf('}', start) : start + (kind == 'u' ? 4 : 2);
        if (end < 0 || end > pattern.Length
            || !ushort.TryParse(pattern[start..end], NumberStyles.AllowHexSpecifier, null, out var value))
            throw new FormatException($"The regular expression has a broken code point at {position}: {pattern}");
        position = isBraced ? end + 1 : end;
        return (char)value;
    }
}
