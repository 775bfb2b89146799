using System.Text.RegularExpressions;

namespace Lorikeet.Runs.Reports;

/// <summary>Which words of two texts are not in the other, by their longest common subsequence.</summary>
internal static partial class WordDifference
{
    // Beyond this many words, and below this share in common, marks would hide the text rather than explain it.
    private const int MostWords = 400;
    private const double LeastInCommon = 0.3;

    /// <summary>Both texts in pieces, each with whether it is changed; in one where little is shared.</summary>
    public static (IReadOnlyList<TextPiece> Before, IReadOnlyList<TextPiece> After) Of(string before, string after)
    {
        var (old, now) = (Words(before), Words(after));
        if (old.Count == 0 || now.Count == 0 || old.Count > MostWords || now.Count > MostWords)
            return Unmarked(before, after);
        // common[i, j]: of the words from i and from j on.
        var common = new int[old.Count + 1, now.Count + 1];
        for (var i = old.Count - 1; i >= 0; i--)
        {
            for (var j = now.Count - 1; j >= 0; j--)
                common[i, j] = AreSame(old[i], now[j])
                    ? common[i + 1, j + 1] + 1
                    : Math.Max(common[i + 1, j], common[i, j + 1]);
        }

        if (common[0, 0] < LeastInCommon * Math.Max(old.Count, now.Count))
            return Unmarked(before, after);
        var (gone, added) = (new bool[old.Count], new bool[now.Count]);
        Array.Fill(gone, true);
        Array.Fill(added, true);
        for (var (i, j) = (0, 0); i < old.Count && j < now.Count;)
        {
            if (AreSame(old[i], now[j]))
                (gone[i++], added[j++]) = (false, false);
            else if (common[i + 1, j] >= common[i, j + 1])
                i++;
            else
                j++;
        }

        return (Join(old, gone), Join(now, added));
    }

    private static (IReadOnlyList<TextPiece>, IReadOnlyList<TextPiece>) Unmarked(string before, string after) =>
        ([new(before, false)], [new(after, false)]);

    private static List<string> Words(string text) => [.. Word().Matches(text).Select(match => match.Value)];

    private static bool AreSame(string one, string other) =>
        one.AsSpan().Trim().SequenceEqual(other.AsSpan().Trim());

    /// <summary>Neighbours that are alike as one piece.</summary>
    private static List<TextPiece> Join(List<string> words, bool[] changed)
    {
        var pieces = new List<TextPiece>();
        for (var i = 0; i < words.Count; i++)
        {
            if (pieces.Count > 0 && pieces[^1].IsChanged == changed[i])
                pieces[^1] = pieces[^1] with { Text = pieces[^1].Text + words[i] };
            else
                pieces.Add(new(words[i], changed[i]));
        }

        return pieces;
    }

    // A word with the blanks before the first and after each.
    [GeneratedRegex(@"^\s*\S+\s*|\S+\s*")]
    private static partial Regex Word();
}

/// <summary>A stretch of a text.</summary>
/// <param name="Text">The stretch.</param>
/// <param name="IsChanged">Whether the other text lacks it.</param>
internal readonly record struct TextPiece(string Text, bool IsChanged);
