using System.Globalization;
using System.Text;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>What is part of a word: alphabetic characters, marks, digits and connectors (UTS 18, annex C).</summary>
internal static class WordCharacters
{
    /// <summary>Oniguruma's <c>\w</c> as the inside of a character class; Latin-1's superscripts count too.</summary>
    public const string OnigurumaClass =
        @"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\u24B6-\u24E9\u00B2\u00B3\u00B9\u00BC-\u00BE";

    /// <summary>Whether the character is a letter in a circle or square, an alphabetic symbol.</summary>
    public static bool IsEnclosedLetter(Rune rune) => rune.Value is (>= 0x24B6 and <= 0x24E9)
        or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189);

    /// <summary><c>\w</c> of Rust's regular expressions, which counts the joiners too.</summary>
    public static bool Contains(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is <= UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation
        || rune.Value is 0x200C or 0x200D
        || IsEnclosedLetter(rune);
}
