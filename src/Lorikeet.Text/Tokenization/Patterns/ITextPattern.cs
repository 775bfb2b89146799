namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>Something to look for in a text: a literal or a regular expression.</summary>
internal interface ITextPattern
{
    /// <summary>The matches in order; they do not overlap.</summary>
    List<(int Start, int End)> FindMatches(ReadOnlySpan<char> text);
}

/// <summary>A text that matches itself.</summary>
internal sealed class LiteralPattern(string literal) : ITextPattern
{
    public List<(int Start, int End)> FindMatches(ReadOnlySpan<char> text)
    {
        var matches = new List<(int, int)>();
        if (literal.Length == 0)
            return matches;
        var position = 0;
        while (text[position..].IndexOf(literal, StringComparison.Ordinal) is var distance and >= 0)
        {
            matches.Add((position + distance, position + distance + literal.Length));
            position += distance + literal.Length;
        }
        return matches;
    }
}
