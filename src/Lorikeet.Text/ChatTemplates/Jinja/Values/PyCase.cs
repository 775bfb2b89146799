using System.Globalization;
using System.Text;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>Upper, lower and title case as Python has them: Unicode's full mappings, in no language.</summary>
/// <remarks>Reference: Unicode 14 SpecialCasing.txt, and CPython's unicodeobject.c for the final sigma.</remarks>
internal static class PyCase
{
    private const char IotaBelow = '\u0345';

    // A letter, and its upper case where that is more than one letter, or ASCII, which the invariant culture refuses.
    private const string Expanding =
        "ßSS ŉʼN ǰJ\u030C ΐΙ\u0308\u0301 ΰΥ\u0308\u0301 ևԵՒ ẖH\u0331 ẗT\u0308 ẘW\u030A ẙY\u030A ẚAʾ ὐΥ\u0313 " +
        "ὒΥ\u0313\u0300 ὔΥ\u0313\u0301 ὖΥ\u0313\u0342 ᾀἈΙ ᾁἉΙ ᾂἊΙ ᾃἋΙ ᾄἌΙ ᾅἍΙ ᾆἎΙ ᾇἏΙ ᾈἈΙ ᾉἉΙ ᾊἊΙ ᾋἋΙ ᾌἌΙ ᾍἍΙ " +
        "ᾎἎΙ ᾏἏΙ ᾐἨΙ ᾑἩΙ ᾒἪΙ ᾓἫΙ ᾔἬΙ ᾕἭΙ ᾖἮΙ ᾗἯΙ ᾘἨΙ ᾙἩΙ ᾚἪΙ ᾛἫΙ ᾜἬΙ ᾝἭΙ ᾞἮΙ ᾟἯΙ ᾠὨΙ ᾡὩΙ ᾢὪΙ ᾣὫΙ ᾤὬΙ ᾥὭΙ ᾦὮΙ " +
        "ᾧὯΙ ᾨὨΙ ᾩὩΙ ᾪὪΙ ᾫὫΙ ᾬὬΙ ᾭὭΙ ᾮὮΙ ᾯὯΙ ᾲᾺΙ ᾳΑΙ ᾴΆΙ ᾶΑ\u0342 ᾷΑ\u0342Ι ᾼΑΙ ῂῊΙ ῃΗΙ ῄΉΙ ῆΗ\u0342 " +
        "ῇΗ\u0342Ι ῌΗΙ ῒΙ\u0308\u0300 ΐΙ\u0308\u0301 ῖΙ\u0342 ῗΙ\u0308\u0342 ῢΥ\u0308\u0300 ΰΥ\u0308\u0301 " +
        "ῤΡ\u0313 ῦΥ\u0342 ῧΥ\u0308\u0342 ῲῺΙ ῳΩΙ ῴΏΙ ῶΩ\u0342 ῷΩ\u0342Ι ῼΩΙ ﬀFF ﬁFI ﬂFL ﬃFFI ﬄFFL ﬅST ﬆST " +
        "ﬓՄՆ ﬔՄԵ ﬕՄԻ ﬖՎՆ ﬗՄԽ ıI ſS";

    private static readonly Dictionary<char, string> s_expansions =
        Expanding.Split(' ').ToDictionary(item => item[0], item => item[1..]);

    public static string Upper(string text)
    {
        var upper = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (s_expansions.TryGetValue(c, out var letters))
                upper.Append(letters);
            else
                upper.Append(c);
        }
        return upper.ToString().ToUpperInvariant();
    }

    public static string Lower(string text)
    {
        var lower = text.ToLowerInvariant().Replace("İ", "i\u0307");
        if (!text.Contains('Σ'))
            return lower;
        return string.Concat(Starts(text).Select(at => LowerAt(text, at)));
    }

    /// <summary>The first character in title case, the others in lower case.</summary>
    public static string Capitalize(string text) => string.Concat(
        Starts(text).Select(at => at == 0 ? TitleAt(text, at) : LowerAt(text, at)));

    /// <summary>Every first letter after something that has no case in title case, the others in lower case.</summary>
    public static string Title(string text)
    {
        var title = new StringBuilder(text.Length);
        var isInWord = false;
        foreach (var at in Starts(text))
        {
            title.Append(isInWord ? LowerAt(text, at) : TitleAt(text, at));
            isInWord = IsCased(RuneAt(text, at));
        }
        return title.ToString();
    }

    /// <summary>The form in which texts are equal that differ in case only.</summary>
    public static string Fold(string text) => string.Concat(Starts(text).Select(at => Letter(text, at) switch
    {
        "ı" => "ı",
        "ẞ" => "ss",
        // Cherokee had capitals first, and folds to them.
        [(>= '\u13A0' and <= '\u13FD') or (>= '\uAB70' and <= '\uABBF')] and var cherokee => Upper(cherokee),
        var letter => Upper(letter).ToLowerInvariant().Replace("İ", "i\u0307"),
    }));

    public static string Swap(string text) => string.Concat(Starts(text).Select(at =>
    {
        var letter = Letter(text, at);
        if (char.GetUnicodeCategory(letter[0]) == UnicodeCategory.TitlecaseLetter)
            return letter;
        var lower = LowerAt(text, at);
        return lower != letter ? lower : Upper(letter);
    }));

    private static string TitleAt(string whole, int at)
    {
        var text = Letter(whole, at);
        if (text[0] != 'ŉ' && s_expansions.TryGetValue(text[0], out var letters))
        {
            // An iota below the letter stays there; where Unicode has the two as one, that is the simple mapping.
            var simple = text.ToUpperInvariant();
            return letters[^1] != 'Ι' ? letters[0] + letters[1..].ToLowerInvariant()
                : simple != text || char.GetUnicodeCategory(text[0]) == UnicodeCategory.TitlecaseLetter ? simple
                : letters[..^1] + IotaBelow;
        }
        return text[0] switch
        {
            'ŉ' => "ʼN",
            'Ǆ' or 'ǅ' or 'ǆ' => "ǅ",
            'Ǉ' or 'ǈ' or 'ǉ' => "ǈ",
            'Ǌ' or 'ǋ' or 'ǌ' => "ǋ",
            'Ǳ' or 'ǲ' or 'ǳ' => "ǲ",
            >= 'ა' and <= 'ჿ' => text,
            _ => text.ToUpperInvariant(),
        };
    }

    private static string LowerAt(string text, int at) => text[at] switch
    {
        'İ' => "i\u0307",
        'Σ' => IsFinal(text, at) ? "ς" : "σ",
        _ => Letter(text, at).ToLowerInvariant(),
    };

    /// <summary>A sigma that ends a word: a letter with case comes before it, and none after it.</summary>
    private static bool IsFinal(string text, int at) =>
        IsBesideCased(RunesBefore(text, at)) && !IsBesideCased(RunesAfter(text, at));

    private static bool IsBesideCased(IEnumerable<Rune> runes) =>
        runes.SkipWhile(IsIgnorable).Take(1).Any(IsCased);

    private static IEnumerable<Rune> RunesBefore(string text, int at)
    {
        while (at > 0)
        {
            at -= at > 1 && char.IsSurrogatePair(text, at - 2) ? 2 : 1;
            yield return RuneAt(text, at);
        }
    }

    private static IEnumerable<Rune> RunesAfter(string text, int at)
    {
        for (at++; at < text.Length; at += PyText.CodePointLength(text, at))
            yield return RuneAt(text, at);
    }

    /// <summary>
    /// Letters with case, and what Unicode counts with them: superscripts, Roman numerals, letters in circles.
    /// </summary>
    private static bool IsCased(Rune rune) =>
        rune.Value is 'ª' or 'º' or IotaBelow or 'ͺ' or (>= 'ʰ' and <= 'ʸ') or 'ˀ' or 'ˁ' or (>= 'ˠ' and <= 'ˤ')
            or (>= 'ᴬ' and <= 'ᵪ') or 'ᵸ' or (>= 'ᶛ' and <= 'ᶿ') or 'ⁱ' or 'ⁿ' or (>= 'ₐ' and <= 'ₜ')
            or (>= 'Ⅰ' and <= 'ⅿ') or (>= 'Ⓐ' and <= 'ⓩ') or 'ⱼ' or 'ⱽ'
        || Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter;

    /// <summary>
    /// What stands in a word without being a letter: marks, modifiers, format characters, apostrophes.
    /// </summary>
    private static bool IsIgnorable(Rune rune) => rune.Value is '\'' or '.' or ':' or '·' or '’' or '‘'
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.Format or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;

    private static string Letter(string text, int at) => text.Substring(at, PyText.CodePointLength(text, at));

    private static Rune RuneAt(string text, int at) =>
        Rune.TryGetRuneAt(text, at, out var rune) ? rune : Rune.ReplacementChar;

    private static IEnumerable<int> Starts(string text)
    {
        for (var at = 0; at < text.Length; at += PyText.CodePointLength(text, at))
            yield return at;
    }
}
