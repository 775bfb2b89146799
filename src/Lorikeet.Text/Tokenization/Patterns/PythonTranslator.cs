using System.Text;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>Writes a regular expression of Python's <c>re</c> in .NET's.</summary>
/// <remarks>
/// Different there: named groups <c>(?P&lt;n&gt;...)</c> and <c>(?P=n)</c>, possessive quantifiers, <c>{,n}</c>,
/// <c>\Z</c>, and brackets in classes, which stand for themselves. Reference: Lib/re/_parser.py of CPython 3.14.
/// </remarks>
internal sealed class PythonTranslator(string pattern) : ExpressionTranslator(pattern)
{
    protected override bool MayPossess(string quantifier) => true;

    protected override string TranslateAnchor(char anchor) => anchor.ToString();

    protected override string ReadClass()
    {
        var text = new StringBuilder("[");
        Position++;
        if (TryTake('^'))
            text.Append('^');
        if (TryTake(']'))
            text.Append(@"\]");
        while (!TryTake(']'))
        {
            if (AtEnd)
                throw Unsupported("a class that is not closed");
            if (Next == '\\')
                text.Append(ReadEscape());
            else if (Pattern[Position++] is var unit && unit == '-')
                text.Append('-');
            else
                text.Append(CharacterEscape.Literal(unit));
        }

        return text.Append(']').ToString();
    }

    protected override string ReadEscape()
    {
        if (Position + 1 == Pattern.Length)
            throw Unsupported("a backslash at its end");
        var escaped = Pattern[Position + 1];
        Position += 2;
        return escaped switch
        {
            'Z' => @"\z",
            'z' or 'A' or 'b' or 'B' or 'd' or 'D' or 's' or 'S' or 'w' or 'W' => $"\\{escaped}",
            'a' or 'f' or 'n' or 'r' or 't' or 'v' or 'x' or 'u' => $"\\{escaped}",
            >= '0' and <= '9' => $"\\{escaped}",
            _ when char.IsAsciiLetter(escaped) => throw Unsupported($"\\{escaped}, which Python does not know"),
            _ => CharacterEscape.Literal(escaped),
        };
    }

    protected override void TranslateGroupKind()
    {
        if (TryTakeAll("P<"))
            Append($"?<{ReadName('>')}>");
        else if (TryTakeAll("P="))
            TranslateReference();
        else if (TryTake('#'))
            SkipComment();
        else if (TryTakeAll("<=") || TryTakeAll("<!"))
            Append($"?<{Pattern[Position - 1]}");
        else if (!AtEnd && Next is ':' or '=' or '!' or '>')
            Append($"?{Pattern[Position++]}");
        else
            TranslateFlags();
    }

    private void TranslateReference()
    {
        Append($@"?:\k<{ReadName(')')}>");
        Position--;
    }

    private string ReadName(char end)
    {
        var start = Position;
        Position = Pattern.IndexOf(end, start) + 1;
        if (Position > 0)
            return Pattern[start..(Position - 1)];
        Position = start;
        throw Unsupported("a name that does not end");
    }

    private void SkipComment()
    {
        var end = Pattern.IndexOf(')', Position);
        Position = end < 0 ? throw Unsupported("a comment that is not closed") : end;
        Append("?:");
    }

    // a, u and L choose what \w means; a module's name is ASCII.
    private void TranslateFlags()
    {
        Append("?");
        while (!AtEnd && Next is 'i' or 'm' or 's' or 'x' or '-' or 'a' or 'u')
        {
            if (Next is not ('a' or 'u'))
                Append(Next.ToString());
            Position++;
        }

        if (!AtEnd && Next == ':')
            Append(Pattern[Position++].ToString());
        else if (AtEnd || Next != ')')
            throw Unsupported("a group of this kind");
    }

    private bool TryTakeAll(string wanted)
    {
        if (!Pattern.AsSpan(Position).StartsWith(wanted, StringComparison.Ordinal))
            return false;
        Position += wanted.Length;
        return true;
    }
}
