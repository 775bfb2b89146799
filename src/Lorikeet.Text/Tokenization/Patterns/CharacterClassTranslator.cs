using System.Text;
using Lorikeet.Formats;

namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>Writes a character class of Oniguruma in .NET's spelling.</summary>
/// <param name="pattern">The whole expression.</param>
/// <param name="position">Where the class begins.</param>
internal sealed class CharacterClassTranslator(string pattern, int position)
{
    // Only a dash after a character that ends no range itself makes a range; any other stands for itself.
    private bool _isAfterCharacter;
    private bool _isAfterDash;

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
        using var level = DepthGuard.Enter();
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
        var (mayBeginRange, endsRange) = (_isAfterCharacter, _isAfterDash);
        (_isAfterCharacter, _isAfterDash) = (false, false);
        switch (pattern[Position])
        {
            case '[' when TryTake("[:"):
                body.Append(ReadPosixClass());
                break;
            case '[':
                body.Append(ReadUnion());
                break;
            case '\\':
                body.Append(ReadEscape(out var isCharacter));
                _isAfterCharacter = isCharacter && !endsRange;
                break;
            case '-' when mayBeginRange && Position + 1 < pattern.Length && pattern[Position + 1] is not (']' or '['):
                body.Append('-');
                Position++;
                _isAfterDash = true;
                break;
            default:
                body.Append(CharacterEscape.Literal(pattern[Position++]));
                _isAfterCharacter = !endsRange;
                break;
        }
    }

    private string ReadUnion()
    {
        var (isNegated, inner, subtracted) = ReadClass();
        return isNegated || subtracted is not null ? throw Unsupported("a negated class within a class") : inner;
    }

    private string ReadEscape(out bool isCharacter)
    {
        var start = Position;
        var end = Position;
        var escape = CharacterEscape.Read(pattern, ref end);
        Position = end;
        isCharacter = escape.IsCharacter;
        return escape.Inside ?? throw Unsupported($"'{pattern[start..end]}' within a class");
    }

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
