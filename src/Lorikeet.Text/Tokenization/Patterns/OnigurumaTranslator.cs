namespace Lorikeet.Text.Tokenization.Patterns;

/// <summary>Writes a regular expression of Oniguruma's Ruby syntax in .NET's.</summary>
/// <remarks>
/// Different there: possessive quantifiers, <c>^</c> and <c>$</c> at every line, what <c>\w</c> covers, <c>\h</c> and
/// <c>\R</c>, scripts, classes within classes and their intersection, and the long s matching "s" regardless of case.
/// </remarks>
internal sealed class OnigurumaTranslator(string pattern) : ExpressionTranslator(pattern)
{
    // Ruby's {n}+ repeats {n}.
    protected override bool MayPossess(string quantifier) => quantifier[0] != '{';

    protected override string TranslateAnchor(char anchor) => $"(?m:{anchor})";

    protected override string ReadClass()
    {
        var reader = new CharacterClassTranslator(Pattern, Position);
        var translated = reader.Translate();
        Position = reader.Position;
        return translated;
    }

    protected override string ReadEscape()
    {
        var position = Position;
        var escape = CharacterEscape.Read(Pattern, ref position);
        Position = position;
        return escape.Outside;
    }

    protected override void TranslateGroupKind()
    {
        Append("?");
        foreach (var kind in (string[])[":", "=", "!", ">", "<=", "<!"])
        {
            if (!Pattern.AsSpan(Position).StartsWith(kind, StringComparison.Ordinal))
                continue;
            Append(kind);
            Position += kind.Length;
            return;
        }
        TranslateOptions();
    }

    // Ruby's m is .NET's s: the dot matches line ends too.
    private void TranslateOptions()
    {
        var isOn = true;
        while (!AtEnd && Next is 'i' or 'm' or 'x' or '-')
        {
            if (Next == '-')
                isOn = false;
            else if (Next == 'i')
                IgnoresCase = isOn;
            else if (Next == 'x')
                throw Unsupported("the option x");
            Append(Next == 'm' ? "s" : Next.ToString());
            Position++;
        }
        if (!TryTake(':'))
            throw Unsupported("a group of this kind");
        Append(":");
    }

    protected override void AppendLiteral(char literal)
    {
        if (IgnoresCase && literal is 's' or 'S')
            Append("[sS\u017F]");
        else
            base.AppendLiteral(literal);
    }
}
