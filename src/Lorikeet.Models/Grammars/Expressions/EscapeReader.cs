using System.Globalization;
using System.Text;

namespace Lorikeet.Models.Grammars.Expressions;

/// <summary>Reads what follows a backslash.</summary>
internal sealed class EscapeReader(PatternText text)
{
    private static readonly CodePointSet s_digits = CodePointSet.Of(('0', '9'));
    private static readonly CodePointSet s_words = CodePointSet.Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));
    private static readonly CodePointSet s_spaces = CodePointSet.Of(('\t', '\r'), (' ', ' '));

    /// <summary>An escape outside a class: a set of characters, or an anchor.</summary>
    public Expression ReadAtom(int start)
    {
        if (text.TryTake('A'))
            return new Anchor(IsEnd: false);
        if (text.TryTake('z') || text.TryTake('Z'))
            return new Anchor(IsEnd: true);
        if (text.TryTake('b') || text.TryTake('B'))
            throw text.Fault("a word boundary is not supported", "Write the characters around the word", start);
        if (text.TryTake('k') || (!text.IsAtEnd && text.Current is >= '1' and <= '9'))
            throw text.Fault("a back reference is not supported", "Write the group again", start);
        return new Characters(ReadSet(start));
    }

    /// <summary>An escape that stands for characters, in a class or outside.</summary>
    public CodePointSet ReadSet(int start)
    {
        var letter = text.Take();
        return letter switch
        {
            'd' => s_digits,
            'D' => s_digits.Complement(),
            'w' => s_words,
            'W' => s_words.Complement(),
            's' => s_spaces,
            'S' => s_spaces.Complement(),
            'p' => ReadCategory(start),
            'P' => ReadCategory(start).Complement(),
            _ => CodePointSet.Of(ReadCharacter(letter, start)),
        };
    }

    private int ReadCharacter(int letter, int start) => letter switch
    {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'f' => '\f',
        'v' => '\v',
        'a' => '\a',
        'e' => 0x1B,
        '0' when text.IsAtEnd || text.Current is not (>= '0' and <= '9') => 0,
        'x' => text.TakeHexadecimal(2),
        'u' => ReadUnicode(start),
        'U' => Checked(text.TakeHexadecimal(8), start),
        < 128 when char.IsAsciiLetterOrDigit((char)letter) =>
            throw text.Fault($"'\\{(char)letter}' is not an escape that is supported", "Leave the '\\' out", start),
        _ => letter,
    };

    /// <summary>Reads <c>\uXXXX</c>, two of them for a character beyond the first plane, or <c>\u{XXXXX}</c>.</summary>
    private int ReadUnicode(int start)
    {
        if (text.TryTake('{'))
        {
            var digits = 0;
            while (text.Position < start + 9 && char.IsAsciiHexDigit((char)(text.Take() & 0xFFFF)))
                digits++;
            text.Position = start + 3;
            var braced = text.TakeHexadecimal(digits);
            return text.TryTake('}')
                ? Checked(braced, start)
                : throw text.Fault("'\\u{' has no '}'", "Close it", start);
        }

        var unit = text.TakeHexadecimal(4);
        if (!char.IsHighSurrogate((char)unit))
            return Checked(unit, start);
        if (!text.TryTake('\\') || !text.TryTake('u'))
            return Checked(unit, start);
        var low = text.TakeHexadecimal(4);
        return char.IsLowSurrogate((char)low)
            ? char.ConvertToUtf32((char)unit, (char)low)
            : throw text.Fault("half a surrogate pair is no character", "Write both halves", start);
    }

    private int Checked(int codePoint, int start) => Rune.IsValid(codePoint)
        ? codePoint
        : throw text.Fault($"U+{codePoint:X4} is no character", "Write a code point below U+110000", start);

    /// <summary>Reads <c>{L}</c> or <c>{Lu}</c>.</summary>
    private CodePointSet ReadCategory(int start)
    {
        var name = "";
        if (text.TryTake('{'))
        {
            while (!text.TryTake('}'))
                name += char.ConvertFromUtf32(text.Take());
        }
        else
            name = char.ConvertFromUtf32(text.Take());

        var found = Enum.GetValues<UnicodeCategory>().Where(category =>
            name.Length is 1 or 2 && Abbreviation(category).StartsWith(name, StringComparison.Ordinal)).ToList();
        return found.Count > 0
            ? CodePointSet.Of(found.SelectMany(category => CodePointSet.Of(category).Ranges.ToArray()))
            : throw text.Fault($"'{name}' is no Unicode category", "Write one such as L, Lu or Nd", start);
    }

    private static string Abbreviation(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => "Lu",
        UnicodeCategory.LowercaseLetter => "Ll",
        UnicodeCategory.TitlecaseLetter => "Lt",
        UnicodeCategory.ModifierLetter => "Lm",
        UnicodeCategory.OtherLetter => "Lo",
        UnicodeCategory.NonSpacingMark => "Mn",
        UnicodeCategory.SpacingCombiningMark => "Mc",
        UnicodeCategory.EnclosingMark => "Me",
        UnicodeCategory.DecimalDigitNumber => "Nd",
        UnicodeCategory.LetterNumber => "Nl",
        UnicodeCategory.OtherNumber => "No",
        UnicodeCategory.SpaceSeparator => "Zs",
        UnicodeCategory.LineSeparator => "Zl",
        UnicodeCategory.ParagraphSeparator => "Zp",
        UnicodeCategory.Control => "Cc",
        UnicodeCategory.Format => "Cf",
        UnicodeCategory.Surrogate => "Cs",
        UnicodeCategory.PrivateUse => "Co",
        UnicodeCategory.ConnectorPunctuation => "Pc",
        UnicodeCategory.DashPunctuation => "Pd",
        UnicodeCategory.OpenPunctuation => "Ps",
        UnicodeCategory.ClosePunctuation => "Pe",
        UnicodeCategory.InitialQuotePunctuation => "Pi",
        UnicodeCategory.FinalQuotePunctuation => "Pf",
        UnicodeCategory.OtherPunctuation => "Po",
        UnicodeCategory.MathSymbol => "Sm",
        UnicodeCategory.CurrencySymbol => "Sc",
        UnicodeCategory.ModifierSymbol => "Sk",
        UnicodeCategory.OtherSymbol => "So",
        _ => "Cn",
    };
}
