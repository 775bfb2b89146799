using System.Globalization;

namespace Lorikeet.Documents.Passages;

/// <summary>Where sentences end, in English, Vietnamese and languages that write alike.</summary>
internal static class Sentences
{
    private const string Endings = ".!?\u2026\u3002\uff01\uff1f";
    private const string Closings = "\"'\u201d\u2019\u00bb)]";

    /// <summary>What stands before a full stop that ends no sentence, in lower case.</summary>
    private static readonly HashSet<string> s_abbreviations =
    [
        "mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "etc", "e.g", "i.e", "cf", "fig", "eq", "vol", "approx",
        "inc", "ltd", "jr", "sr", "tp", "ths", "ts", "pgs", "gs", "bs", "ks", "cn", "nxb", "stt", "đ/c", "ub", "tx",
        "tt", "q", "p", "h", "x", "tr",
    ];

    /// <summary>The sentences of a slice of a text, as slices without the blanks between them.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">Where the slice begins.</param>
    /// <param name="end">Behind its last character.</param>
    public static IEnumerable<Slice> Of(string text, int start, int end)
    {
        var from = start;
        for (var at = start; at < end; at++)
        {
            if (!Endings.Contains(text[at]))
                continue;
            var stop = at;
            while (at + 1 < end && (Endings.Contains(text[at + 1]) || Closings.Contains(text[at + 1])))
                at++;
            if (at + 1 >= end || !Ends(text, from, stop, at + 1, end))
                continue;
            yield return new Slice(from, at + 1);
            from = at + 1;
            while (from < end && text[from] == ' ')
                from++;
            at = from - 1;
        }

        if (from < end)
            yield return new Slice(from, end);
    }

    /// <summary>
    /// Pieces of a slice that is too long, each as long as it may be: they end behind commas and semicolons, else
    /// between words; a word or syllable is divided only where it alone is too long, and then between whole characters.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="slice">What is too long.</param>
    /// <param name="fits">Whether a piece is short enough.</param>
    public static IEnumerable<Slice> Divide(string text, Slice slice, Func<Slice, bool> fits)
    {
        var from = slice.Start;
        while (from < slice.End)
        {
            if (fits(new Slice(from, slice.End)))
            {
                yield return new Slice(from, slice.End);
                yield break;
            }

            // The longest piece that fits, found by halving.
            var (low, high) = (from + 1, slice.End);
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                (low, high) = fits(new Slice(from, middle)) ? (middle, high) : (low, middle - 1);
            }

            var end = BreakBefore(text, from, low);
            yield return new Slice(from, text[end - 1] == ' ' ? end - 1 : end);
            from = end;
            while (from < slice.End && text[from] == ' ')
                from++;
        }
    }

    private static int BreakBefore(string text, int from, int longest)
    {
        if (longest < text.Length && text[longest] == ' ')
            return longest;
        var blank = -1;
        for (var at = longest - 1; at > from; at--)
        {
            if (text[at] != ' ')
                continue;
            if (blank < 0)
                blank = at;
            if (text[at - 1] is ',' or ';' or ':' && at - from > (longest - from) / 2)
                return at;
        }

        return blank > from ? blank : WholeCharacter(text, from, longest);
    }

    private static int WholeCharacter(string text, int from, int longest)
    {
        var end = from;
        while (end < longest)
        {
            var next = end + StringInfo.GetNextTextElementLength(text, end);
            if (next > longest && end > from)
                break;
            end = next;
        }

        return end;
    }

    private static bool Ends(string text, int from, int stop, int next, int end)
    {
        if (text[stop] is '\u3002' or '\uff01' or '\uff1f')
            return true;
        if (text[next] != ' ')
            return false;
        if (text[stop] != '.')
            return true;
        var word = stop;
        while (word > from && text[word - 1] != ' ' && text[word - 1] != '(')
            word--;
        var before = text[word..stop];
        // A single capital is an initial: J. R. R. Tolkien.
        if (before.Length == 1 && char.IsUpper(before[0]) || s_abbreviations.Contains(before.ToLowerInvariant()))
            return false;
        return next + 1 >= end || !char.IsLower(text[next + 1]);
    }
}

/// <summary>A slice of a text.</summary>
/// <param name="Start">Its first character.</param>
/// <param name="End">Behind its last character.</param>
internal readonly record struct Slice(int Start, int End)
{
    public string Of(string text) => text[Start..End];
}
