namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>Reads <c>(a, b=1, *rest, **more)</c>.</summary>
internal sealed class ArgumentParser(TokenStream tokens, ExpressionParser expressions)
{
    private readonly List<Expression> _positional = [];
    private readonly List<(string, Expression)> _named = [];
    private Expression? _starred;
    private Expression? _doubleStarred;

    public ArgumentList Parse()
    {
        var line = tokens.Line;
        tokens.ExpectOperator("(");
        var isFirst = true;
        while (!tokens.SkipOperator(")"))
        {
            if (!isFirst)
            {
                tokens.ExpectOperator(",");
                if (tokens.SkipOperator(")"))
                    break;
            }
            isFirst = false;
            ParseOne(line);
        }
        return new ArgumentList(_positional, _named, _starred, _doubleStarred);
    }

    private void ParseOne(int line)
    {
        if (tokens.SkipOperator("*"))
        {
            Ensure(_starred is null && _doubleStarred is null, line);
            _starred = expressions.ParseExpression();
        }
        else if (tokens.SkipOperator("**"))
        {
            Ensure(_doubleStarred is null, line);
            _doubleStarred = expressions.ParseExpression();
        }
        else if (tokens.Current.Kind == TokenKind.Name && tokens.Following.IsOperator("="))
        {
            Ensure(_doubleStarred is null, line);
            var name = tokens.Next().Text;
            tokens.Next();
            _named.Add((name, expressions.ParseExpression()));
        }
        else
        {
            Ensure(_starred is null && _doubleStarred is null && _named.Count == 0, line);
            _positional.Add(expressions.ParseExpression());
        }
    }

    private static void Ensure(bool isValid, int line)
    {
        if (!isValid)
            throw JinjaException.Syntax("invalid syntax for function call expression", line);
    }
}
