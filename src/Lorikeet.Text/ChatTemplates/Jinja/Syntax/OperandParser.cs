using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>Reads what operators bind: literals, names, brackets, and what may follow them without a space.</summary>
internal sealed class OperandParser(TokenStream tokens, NameUse names, ExpressionParser expressions)
{
    public Expression ParsePrimary()
    {
        var token = tokens.Next();
        switch (token)
        {
            case { Kind: TokenKind.Name }:
                return ParseName(token);
            case { Kind: TokenKind.Number }:
                return new LiteralExpression(token.Number!, token.Line);
            case { Kind: TokenKind.String }:
                return new LiteralExpression(new PyString(ParseStrings(token.Text)), token.Line);
            case { Kind: TokenKind.Operator, Text: "(" }:
                var inner = expressions.ParseTuple(inParentheses: true);
                tokens.ExpectOperator(")");
                return inner;
            case { Kind: TokenKind.Operator, Text: "[" }:
                return new ListExpression(ParseItems("]", expressions.ParseExpression), token.Line);
            case { Kind: TokenKind.Operator, Text: "{" }:
                return new DictExpression(ParseItems("}", ParsePair), token.Line);
            default:
                throw JinjaException.Syntax($"unexpected '{token}'", token.Line);
        }
    }

    /// <summary>A string and those that follow it, which count as one.</summary>
    private string ParseStrings(string first)
    {
        var parts = new List<string> { first };
        while (tokens.Current.Kind == TokenKind.String)
            parts.Add(tokens.Next().Text);
        return string.Concat(parts);
    }

    /// <summary>Attributes, subscripts and calls after a value.</summary>
    public Expression ParsePostfix(Expression value)
    {
        while (true)
        {
            if (tokens.Current.IsOperator("."))
                value = ParseAttribute(value);
            else if (tokens.Current.IsOperator("["))
                value = ParseSubscript(value);
            else if (tokens.Current.IsOperator("("))
                value = ParseCall(value);
            else
                return value;
        }
    }

    public CallExpression ParseCall(Expression target)
    {
        var line = tokens.Line;
        return new CallExpression(target, new ArgumentParser(tokens, expressions).Parse(), line);
    }

    private Expression ParseName(Token token)
    {
        switch (token.Text)
        {
            case "true" or "True":
                return new LiteralExpression(true, token.Line);
            case "false" or "False":
                return new LiteralExpression(false, token.Line);
            case "none" or "None":
                return new LiteralExpression(PyNone.Value, token.Line);
            default:
                names.Read(token.Text);
                return new NameExpression(token.Text, token.Line);
        }
    }

    private List<T> ParseItems<T>(string end, Func<T> parse)
    {
        var items = new List<T>();
        while (!tokens.SkipOperator(end))
        {
            if (items.Count > 0)
            {
                tokens.ExpectOperator(",");
                if (tokens.SkipOperator(end))
                    break;
            }
            items.Add(parse());
        }
        return items;
    }

    private (Expression Key, Expression Value) ParsePair()
    {
        var key = expressions.ParseExpression();
        tokens.ExpectOperator(":");
        return (key, expressions.ParseExpression());
    }

    private Expression ParseAttribute(Expression target)
    {
        var line = tokens.Next().Line;
        return tokens.Next() switch
        {
            { Kind: TokenKind.Name } name => new AttributeExpression(target, name.Text, line),
            { Kind: TokenKind.Number } number =>
                new SubscriptExpression(target, new LiteralExpression(number.Number!, line), line),
            var other => throw JinjaException.Syntax("expected name or number", other.Line),
        };
    }

    private SubscriptExpression ParseSubscript(Expression target)
    {
        var line = tokens.Next().Line;
        var indices = ParseItems("]", ParseSubscripted);
        if (indices is not [_] && indices.Any(index => index is SliceExpression))
            throw JinjaException.Syntax("a slice must be the only index", line);
        return new SubscriptExpression(target, indices is [var one] ? one : new TupleExpression(indices, line), line);
    }

    private Expression ParseSubscripted()
    {
        var line = tokens.Line;
        var start = tokens.Current.IsOperator(":") ? null : expressions.ParseExpression();
        if (start is not null && !tokens.Current.IsOperator(":"))
            return start;
        tokens.ExpectOperator(":");
        var stop = ParseBound();
        return new SliceExpression(start, stop, tokens.SkipOperator(":") ? ParseBound() : null, line);
    }

    private Expression? ParseBound() =>
        tokens.Current is { Kind: TokenKind.Operator, Text: ":" or "]" or "," } ? null : expressions.ParseExpression();
}
