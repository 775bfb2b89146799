using System.Text;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>Writes a character class of Oniguruma in .NET's spelling.</summary>
/// <param name="pattern">The whole expression.</param>
/// <param name="position">Where the class begins.</param>
internal sealed class CharacterClassTranslator(string pattern, int position)
{
    /// <summary>Behind what has been read.</summary>
    public int Position { get; private set; } = position;

    public string Translate()
    {
        var (isNegated, body, subtracted) = ReadClass();
        var subtraction = subtracted is null ? "" : $"-[{subtracted}]";
        return $"[{(isNegated ? "^" : "")}{body}{subtraction}]";
    }

    private (bool IsNegated, string Body, string? Subtracted) ReadClass()
    {
        Position++;
        var isNegated = TryTake("^");
        var body = new StringBuilder();
        string? subtracted = null;
        // A bracket that comes first stands for itself.
        if (TryTake("]"))
            body.Append(CharacterEscape.Literal(']'));
        while (!TryTake("]"))
        {
            if (Position >= pattern.Length)
                throw Unsupported("a class that is not closed");
            if (subtracted is not null)
                throw Unsupported("more after an intersection");
            if (TryTake("&&"))
                subtracted = ReadSubtracted(isNegated);
            else
                ReadItem(body);
        }
        return (isNegated, body.ToString(), subtracted);
    }

    private void ReadItem(StringBuilder body)
    {
        switch (pattern[Position])
        {
            case '[' when TryTake("[:"):
                body.Append(ReadPosixClass());
                break;
            case '[':
                var (isNegated, inner, subtracted) = ReadClass();
                if (isNegated || subtracted is not null)
                    throw Unsupported("a negated class within a class");
                body.Append(inner);
                break;
            case '\\':
                var start = Position;
                var at = Position;
                var escape = CharacterEscape.Read(pattern, ref at);
                Position = at;
                body.Append(escape.Inside ?? throw Unsupported($"'{pattern[start..at]}' within a class"));
                break;
            case '-' when IsRangeDash(body):
                body.Append('-');
                Position++;
                break;
            default:
                body.Append(CharacterEscape.Literal(pattern[Position++]));
                break;
        }
    }

    // A dash between two characters makes a range; at either end of the class it stands for itself.
    private bool IsRangeDash(StringBuilder body) =>
        body.Length > 0 && Position + 1 < pattern.Length && pattern[Position + 1] is not (']' or '[')
        && !(pattern[Position - 1] == '}' || pattern[Position - 2] == '\\' && char.IsAsciiLetter(pattern[Position - 1]));

    // The one intersection .NET can say: all of a class but another.
    private string ReadSubtracted(bool isNegated)
    {
        if (isNegated || Position >= pattern.Length || pattern[Position] != '[')
            throw Unsupported("an intersection of this kind");
        var (isInnerNegated, body, subtracted) = ReadClass();
        return isInnerNegated && subtracted is null ? body : throw Unsupported("an intersection of this kind");
    }

    private string ReadPosixClass()
    {
        var end = pattern.IndexOf(":]", Position, StringComparison.Ordinal);
        var name = end < 0 ? "" : pattern[Position..end];
        Position = end + 2;
        return name switch
        {
            "alpha" => @"\p{L}\p{M}",
            "alnum" => @"\p{L}\p{M}\p{Nd}",
            "digit" => @"\p{Nd}",
            "space" => @"\s",
            "punct" => @"\p{P}\p{S}",
            "upper" => @"\p{Lu}",
            "lower" => @"\p{Ll}",
            _ => throw Unsupported($"the class '[:{name}:]'"),
        };
    }

    private bool TryTake(string wanted)
    {
        if (!pattern.AsSpan(Position).StartsWith(wanted, StringComparison.Ordinal))
            return false;
        Position += wanted.Length;
        return true;
    }

    private FormatException Unsupported(string what) =>
        new($"The regular expression has {what} at character {Position}: {pattern}");
}
