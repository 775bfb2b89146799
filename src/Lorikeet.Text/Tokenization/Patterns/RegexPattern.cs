using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Lorikeet.Formats;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>A regular expression that sees characters, not UTF-16 units.</summary>
/// <remarks>
/// .NET's expressions see the two halves of a character beyond U+FFFF, which have no category. So such a character is
/// matched through a stand-in: a single unit of the same category. Patterns speak of categories and of characters below
/// U+10000, never of single ones above, hence the stand-in matches exactly where the character would.
/// </remarks>
internal sealed class RegexPattern : ITextPattern
{
    private const int MatchesBetweenLooks = 64;
    private const int LongestCompiled = 1 << 10;

    private readonly Regex _regex;
    private readonly string _expression;

    /// <param name="pattern">The expression as Oniguruma writes it, the library that tokenizers uses.</param>
    /// <exception cref="FormatException">The expression uses something that .NET's have no equal of.</exception>
    public RegexPattern(string pattern)
    {
        _expression = pattern.Length <= 80 ? pattern : pattern[..77] + "...";
        var translated = new OnigurumaTranslator(pattern).Translate();
        // To compile pays for those in use, which are short.
        var options = pattern.Length <= LongestCompiled ? RegexOptions.Compiled : RegexOptions.None;
        _regex = new Regex(
            translated, options | RegexOptions.CultureInvariant, ReadingLimits.PatternTime(characters: 0));
    }

    /// <inheritdoc/>
    /// <exception cref="ReadingLimitException">
    /// The search takes longer than any that is in use, twice: a process that was stopped in between is not to blame.
    /// </exception>
    public List<(int Start, int End)> FindMatches(ReadOnlySpan<char> text)
    {
        for (var isLast = false; ; isLast = true)
        {
            try
            {
                return text.IndexOfAnyInRange('\uD800', '\uDFFF') >= 0 ? FindThroughStandIns(text) : FindUnits(text);
            }
            catch (RegexMatchTimeoutException) when (!isLast)
            {
            }
            catch (RegexMatchTimeoutException fault)
            {
                throw new ReadingLimitException(
                    $"its regular expression took more than {ReadingLimits.PatternTime(text.Length).TotalSeconds:0.0} "
                    + $"seconds for {text.Length} characters: {_expression}", fault);
            }
        }
    }

    private List<(int Start, int End)> FindUnits(ReadOnlySpan<char> text)
    {
        var matches = new List<(int, int)>(text.Length / 4);
        var limit = ReadingLimits.PatternTime(text.Length);
        var begun = Stopwatch.GetTimestamp();
        foreach (var match in _regex.EnumerateMatches(text))
        {
            matches.Add((match.Index, match.Index + match.Length));
            // Each match has the time of one; together they have that of the text.
            if (matches.Count % MatchesBetweenLooks == 0 && Stopwatch.GetElapsedTime(begun) > limit)
                throw new RegexMatchTimeoutException();
        }

        return matches;
    }

    private List<(int Start, int End)> FindThroughStandIns(ReadOnlySpan<char> text)
    {
        var units = ArrayPool<char>.Shared.Rent(text.Length);
        var places = ArrayPool<int>.Shared.Rent(text.Length + 1);
        var count = 0;
        for (var i = 0; i < text.Length; count++)
        {
            _ = Rune.DecodeFromUtf16(text[i..], out var rune, out var length);
            (units[count], places[count]) = (length == 1 ? text[i] : StandIns.Of(rune), i);
            i += length;
        }
        places[count] = text.Length;
        var matches = new List<(int, int)>(count / 4);
        foreach (var (start, end) in FindUnits(units.AsSpan(0, count)))
            matches.Add((places[start], places[end]));
        ArrayPool<char>.Shared.Return(units);
        ArrayPool<int>.Shared.Return(places);
        return matches;
    }
}
