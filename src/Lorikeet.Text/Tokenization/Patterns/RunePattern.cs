using System.Text;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>Every single character of a kind.</summary>
internal sealed class RunePattern(Func<Rune, bool> isMatch) : ITextPattern
{
    public List<(int Start, int End)> FindMatches(ReadOnlySpan<char> text)
    {
        var matches = new List<(int, int)>();
        int length;
        for (var start = 0; start < text.Length; start += length)
        {
            _ = Rune.DecodeFromUtf16(text[start..], out var rune, out length);
            if (isMatch(rune))
                matches.Add((start, start + length));
        }
        return matches;
    }
}
