using System.Globalization;
using System.Text;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>For characters beyond U+FFFF: single UTF-16 units that regular expressions treat alike.</summary>
internal static class StandIns
{
    // The last ideograph below U+10000: of the Han script, yet in none of the ranges that patterns spell out.
    private const char Ideograph = '\u9FFF';

    // A symbol, yet part of words.
    private const char EnclosedLetter = '\u24B6';

    private static readonly char[] s_byCategory = CreateByCategory();

    public static char Of(Rune rune)
    {
        if (Script.IsHan(rune))
            return Ideograph;
        return WordCharacters.IsEnclosedLetter(rune)
            ? EnclosedLetter
            : s_byCategory[(int)Rune.GetUnicodeCategory(rune)];
    }

    private static char[] CreateByCategory()
    {
        var units = new char[30];
        for (var unit = 0; unit <= char.MaxValue; unit++)
            units[(int)CharUnicodeInfo.GetUnicodeCategory((char)unit)] = (char)unit;
        return units;
    }
}
