using System.Globalization;
using System.Text;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>Python's <c>isupper</c>, <c>isalpha</c> and the like.</summary>
internal static class StringPredicates
{
    public static bool? Find(string name, string text) => name switch
    {
        "isalnum" => All(text, IsAlphanumeric),
        "isalpha" => All(text, Rune.IsLetter),
        "isascii" => text.All(char.IsAscii),
        "isdecimal" => All(text, rune => Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber),
        "isdigit" => All(text, IsDigit),
        "isidentifier" => IsIdentifier(text),
        "islower" => IsLower(text),
        "isnumeric" => All(text, Rune.IsNumber),
        "isprintable" => Enumerable.Range(0, text.Length).All(i =>
            (i > 0 && char.IsSurrogatePair(text, i - 1)) || PyText.IsPrintable(text, i)),
        "isspace" => PyText.IsSpace(text),
        "istitle" => IsTitle(text),
        "isupper" => IsUpper(text),
        _ => null,
    };

    public static bool IsLower(string text) =>
        text.EnumerateRunes().Any(Rune.IsLower) && !text.EnumerateRunes().Any(Rune.IsUpper);

    public static bool IsUpper(string text) =>
        text.EnumerateRunes().Any(Rune.IsUpper) && !text.EnumerateRunes().Any(Rune.IsLower);

    public static bool IsAlphanumeric(Rune rune) => Rune.IsLetter(rune) || Rune.IsNumber(rune);

    private static bool IsDigit(Rune rune) =>
        Rune.IsDigit(rune) || (Rune.IsNumber(rune) && Rune.GetNumericValue(rune) is >= 0 and <= 9
            && Rune.GetUnicodeCategory(rune) == UnicodeCategory.OtherNumber
            && rune.ToString().Normalize(NormalizationForm.FormKD).All(char.IsDigit));

    private static bool All(string text, Func<Rune, bool> predicate) =>
        text.Length > 0 && text.EnumerateRunes().All(predicate);

    private static bool IsIdentifier(string text) =>
        All(text, rune => Rune.IsLetter(rune) || Rune.IsDigit(rune) || rune.Value == '_'
            || Rune.GetUnicodeCategory(rune) is UnicodeCategory.LetterNumber or UnicodeCategory.NonSpacingMark
                or UnicodeCategory.SpacingCombiningMark)
        && !Rune.IsDigit(text.EnumerateRunes().First());

    /// <summary>Upper case only begins words, and lower case only continues them.</summary>
    private static bool IsTitle(string text)
    {
        var (isInWord, hasLetter) = (false, false);
        foreach (var rune in text.EnumerateRunes())
        {
            var isUpper = Rune.IsUpper(rune);
            if (isUpper ? isInWord : Rune.IsLower(rune) && !isInWord)
                return false;
            isInWord = isUpper || Rune.IsLower(rune);
            hasLetter |= isInWord;
        }
        return hasLetter;
    }
}
