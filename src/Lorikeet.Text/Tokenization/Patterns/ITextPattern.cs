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
    private static readonly List<(int Start, int End)> s_none = [];

    /// <summary>The text.</summary>
    public string Literal => literal;

    public List<(int Start, int End)> FindMatches(ReadOnlySpan<char> text)
    {
        if (literal.Length == 0 || text.IndexOf(literal, StringComparison.Ordinal) < 0)
            return s_none;
        var matches = new List<(int, int)>();
        var position = 0;
        while (text[position..].IndexOf(literal, StringComparison.Ordinal) is var distance and >= 0)
        {
            matches.Add((position + distance, position + distance + literal.Length));
            position += distance + literal.Length;
        }
        return matches;
    }
}
