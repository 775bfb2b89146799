using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>A regular expression that sees characters, not UTF-16 units.</summary>
/// <remarks>
/// .NET's expressions see the two halves of a character beyond U+FFFF, which have no category. So such a character is
/// matched through a stand-in: a single unit of the same category. Patterns speak of categories and of characters below
/// U+10000, never of single ones above, hence the stand-in matches exactly where the character would.
/// </remarks>
internal sealed class RegexPattern : ITextPattern
{
    private readonly Regex _regex;

    /// <param name="pattern">The expression as Oniguruma writes it, the library that tokenizers uses.</param>
    /// <exception cref="FormatException">The expression uses something that .NET's have no equal of.</exception>
    public RegexPattern(string pattern)
    {
        var translated = new OnigurumaTranslator(pattern).Translate();
        _regex = new Regex(translated, RegexOptions.Compiled | RegexOptions.CultureInvariant);
    }

    public List<(int Start, int End)> FindMatches(ReadOnlySpan<char> text)
    {
        if (text.IndexOfAnyInRange('\uD800', '\uDFFF') >= 0)
            return FindThroughStandIns(text);
        var matches = new List<(int, int)>(text.Length / 4);
        foreach (var match in _regex.EnumerateMatches(text))
            matches.Add((match.Index, match.Index + match.Length));
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
        foreach (var match in _regex.EnumerateMatches(units.AsSpan(0, count)))
            matches.Add((places[match.Index], places[match.Index + match.Length]));
        ArrayPool<char>.Shared.Return(units);
        ArrayPool<int>.Shared.Return(places);
        return matches;
    }
}
