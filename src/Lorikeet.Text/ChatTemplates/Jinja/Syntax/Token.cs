namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

internal enum TokenKind
{
    Data,
    VariableBegin,
    VariableEnd,
    BlockBegin,
    BlockEnd,
    Name,
    String,
    Number,
    Operator,
    End,
}

/// <summary>One token of a template.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">Its text; for <see cref="TokenKind.String"/> and data the decoded text.</param>
/// <param name="Line">The line it begins on, from 1.</param>
/// <param name="Number">The value of a <see cref="TokenKind.Number"/>: a BigInteger or a double.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Line, object? Number = null)
{
    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    public bool IsOperator(string symbol) => Kind == TokenKind.Operator && Text == symbol;

    public override string ToString() => Kind switch
    {
        TokenKind.End => "end of template",
        TokenKind.BlockEnd => "end of statement block",
        TokenKind.VariableEnd => "end of print statement",
        TokenKind.Data => "template data / text",
        _ => Text,
    };
}
