namespace Lorikeet.Models.Evaluation;

/// <summary>
/// Porter's suffix stripping for English, with the deviations of NLTK that <c>rouge_score</c> relies on.
/// </summary>
/// <remarks>
/// Porter, "An algorithm for suffix stripping", Program 14.3 (1980), 130-137; the deviations are those listed in
/// <c>nltk/stem/porter.py</c> under NLTK_EXTENSIONS. "m", "*v*", "*d" and "*o" below are the paper's own signs.
/// </remarks>
internal static class PorterStemmer
{
    private static readonly Dictionary<string, string> s_irregular = new()
    {
        ["skies"] = "sky",
        ["sky"] = "sky",
        ["dying"] = "die",
        ["lying"] = "lie",
        ["tying"] = "tie",
        ["news"] = "news",
        ["innings"] = "inning",
        ["inning"] = "inning",
        ["outings"] = "outing",
        ["outing"] = "outing",
        ["cannings"] = "canning",
        ["canning"] = "canning",
        ["howe"] = "howe",
        ["proceed"] = "proceed",
        ["exceed"] = "exceed",
        ["succeed"] = "succeed",
    };

    private static readonly (string Suffix, string Replacement)[] s_step2 =
    [
        ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"),
        ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"),
        ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"),
        ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful"),
    ];

    private static readonly (string Suffix, string Replacement)[] s_step3 =
    [
        ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
    ];

    private static readonly (string Suffix, string Replacement)[] s_step4 =
    [
        ("al", ""), ("ance", ""), ("ence", ""), ("er", ""), ("ic", ""), ("able", ""), ("ible", ""), ("ant", ""),
        ("ement", ""), ("ment", ""), ("ent", ""), ("ion", ""), ("ou", ""), ("ism", ""), ("ate", ""), ("iti", ""),
        ("ous", ""), ("ive", ""), ("ize", ""),
    ];

    /// <summary>The stem of a lower-case word.</summary>
    public static string Stem(string word)
    {
        if (s_irregular.TryGetValue(word, out var irregular))
            return irregular;
        if (word.Length <= 2)
            return word;
        word = EndWithoutPluralS(word);
        word = EndWithoutEdOrIng(word);
        if (word.EndsWith('y') && word.Length > 2 && IsConsonant(word, word.Length - 2))
            word = word[..^1] + "i";
        word = Step2(word);
        word = Replace(word, s_step3, stem => Measure(stem) > 0);
        word = Replace(
            word, s_step4, stem => Measure(stem) > 1, (suffix, stem) => suffix != "ion" || stem[^1] is 's' or 't');
        return EndWithoutDoubleL(EndWithoutE(word));
    }

    private static string EndWithoutPluralS(string word)
    {
        if (word.EndsWith("ies", StringComparison.Ordinal))
            return word[..^(word.Length == 4 ? 1 : 2)];
        if (word.EndsWith("sses", StringComparison.Ordinal))
            return word[..^2];
        return word.EndsWith('s') && !word.EndsWith("ss", StringComparison.Ordinal) ? word[..^1] : word;
    }

    private static string EndWithoutEdOrIng(string word)
    {
        if (word.EndsWith("ied", StringComparison.Ordinal))
            return word[..^(word.Length == 4 ? 1 : 2)];
        if (word.EndsWith("eed", StringComparison.Ordinal))
            return Measure(word[..^3]) > 0 ? word[..^1] : word;

        var stem = word.EndsWith("ed", StringComparison.Ordinal) ? word[..^2]
            : word.EndsWith("ing", StringComparison.Ordinal) ? word[..^3] : "";
        if (!HasVowel(stem))
            return word;
        if (stem.EndsWith("at", StringComparison.Ordinal) || stem.EndsWith("bl", StringComparison.Ordinal)
            || stem.EndsWith("iz", StringComparison.Ordinal))
            return stem + "e";
        if (EndsInDoubleConsonant(stem))
            return stem[^1] is 'l' or 's' or 'z' ? stem : stem[..^1];
        return Measure(stem) == 1 && EndsInShortSyllable(stem) ? stem + "e" : stem;
    }

    private static string Step2(string word)
    {
        if (word.EndsWith("alli", StringComparison.Ordinal) && Measure(word[..^4]) > 0)
            return Step2(word[..^2]);
        if (word.EndsWith("logi", StringComparison.Ordinal))
            return Measure(word[..^3]) > 0 ? word[..^1] : word;
        return Replace(word, s_step2, stem => Measure(stem) > 0);
    }

    private static string EndWithoutE(string word)
    {
        if (!word.EndsWith('e'))
            return word;
        var stem = word[..^1];
        return Measure(stem) > 1 || (Measure(stem) == 1 && !EndsInShortSyllable(stem)) ? stem : word;
    }

    private static string EndWithoutDoubleL(string word) =>
        word.EndsWith("ll", StringComparison.Ordinal) && Measure(word[..^1]) > 1 ? word[..^1] : word;

    /// <summary>Replaces the first suffix that fits; when its condition fails, no other suffix is tried.</summary>
    private static string Replace(
        string word, (string Suffix, string Replacement)[] rules, Func<string, bool> condition,
        Func<string, string, bool>? furtherCondition = null)
    {
        foreach (var (suffix, replacement) in rules)
        {
            if (!word.EndsWith(suffix, StringComparison.Ordinal))
                continue;
            var stem = word[..^suffix.Length];
            return condition(stem) && furtherCondition?.Invoke(suffix, stem) != false ? stem + replacement : word;
        }

        return word;
    }

    private static bool IsConsonant(string word, int i) => word[i] switch
    {
        'a' or 'e' or 'i' or 'o' or 'u' => false,
        'y' => i == 0 || !IsConsonant(word, i - 1),
        _ => true,
    };

    private static bool HasVowel(string stem) => Enumerable.Range(0, stem.Length).Any(i => !IsConsonant(stem, i));

    /// <summary>m: how many times a consonant follows a vowel.</summary>
    private static int Measure(string stem) =>
        Enumerable.Range(1, Math.Max(stem.Length - 1, 0)).Count(i => !IsConsonant(stem, i - 1) && IsConsonant(stem, i));

    /// <summary>Condition *d of the paper: the stem ends with a double consonant.</summary>
    private static bool EndsInDoubleConsonant(string stem) =>
        stem.Length >= 2 && stem[^1] == stem[^2] && IsConsonant(stem, stem.Length - 1);

    /// <summary>*o: consonant, vowel, consonant other than w, x, y at the end; or only vowel, consonant.</summary>
    private static bool EndsInShortSyllable(string stem)
    {
        var last = stem.Length - 1;
        if (stem.Length == 2)
            return !IsConsonant(stem, 0) && IsConsonant(stem, 1);
        return stem.Length >= 3 && IsConsonant(stem, last - 2) && !IsConsonant(stem, last - 1)
            && IsConsonant(stem, last) && stem[last] is not ('w' or 'x' or 'y');
    }
}
