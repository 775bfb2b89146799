namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>The tokens of a template, read from left to right.</summary>
internal sealed class TokenStream(IReadOnlyList<Token> tokens)
{
    private int _position;

    public Token Current => tokens[_position];

    public Token Following => tokens[Math.Min(_position + 1, tokens.Count - 1)];

    public int Line => Current.Line;

    public Token Next()
    {
        var token = Current;
        if (token.Kind != TokenKind.End)
            _position++;
        return token;
    }

    public bool SkipName(string name) => SkipIf(Current.IsName(name));

    public bool SkipOperator(string symbol) => SkipIf(Current.IsOperator(symbol));

    public void ExpectOperator(string symbol)
    {
        if (!SkipOperator(symbol))
            throw Unexpected($"'{symbol}'");
    }

    public void ExpectName(string name)
    {
        if (!SkipName(name))
            throw Unexpected($"'{name}'");
    }

    public Token Expect(TokenKind kind) => Current.Kind == kind ? Next() : throw Unexpected(Describe(kind));

    public JinjaException Unexpected(string expected) =>
        JinjaException.Syntax($"expected token {expected}, got '{Current}'", Line);

    private bool SkipIf(bool condition)
    {
        if (condition)
            Next();
        return condition;
    }

    private static string Describe(TokenKind kind) => $"'{new Token(kind, kind.ToString().ToLowerInvariant(), 0)}'";
}
