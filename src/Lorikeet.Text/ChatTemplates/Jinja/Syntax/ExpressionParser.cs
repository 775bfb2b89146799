using System.Runtime.CompilerServices;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>Reads expressions, loosest binding first; the order of binding is jinja2's own, not Python's.</summary>
internal sealed class ExpressionParser(TokenStream tokens, NameUse names)
{
    private static readonly string[] ComparisonOperators = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>An expression, or a tuple when commas follow.</summary>
    public Expression ParseTuple(bool allowConditional = true, string? endName = null, bool inParentheses = false)
    {
        Func<Expression> parse = allowConditional ? ParseExpression : ParseOr;
        return ParseTupleOf(parse, endName, inParentheses);
    }

    public Expression ParseExpression()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var line = tokens.Line;
        var mark = names.Mark();
        var value = ParseOr();
        while (tokens.SkipName("if"))
        {
            var test = ParseOr();
            var otherwise = tokens.SkipName("else") ? ParseExpression() : null;
            value = new ConditionalExpression(test, value, otherwise, line);
            names.Forgive(mark);
        }
        return value;
    }

    public Expression ParseOr() => ParseBinary(ParseAnd, () => tokens.Current.IsName("or"));

    /// <summary>What an assignment may assign to: a name, a tuple of names, or an attribute of a namespace.</summary>
    public Expression ParseTarget(bool allowNamespace = false, string? endName = null)
    {
        var target = ParseTupleOf(() => ParseTargetItem(allowNamespace), endName, inParentheses: false);
        RequireAssignable(target);
        return target;
    }

    /// <summary>The filters of <c>|a|b(1)</c>; for a filter block the first one has no bar before it.</summary>
    public IReadOnlyList<FilterCall> ParseFilters(bool startsWithoutBar = false)
    {
        var filters = new List<FilterCall>();
        while (startsWithoutBar || tokens.SkipOperator("|"))
        {
            startsWithoutBar = false;
            filters.Add(ParseFilter());
        }
        return filters;
    }

    private Expression ParseTupleOf(Func<Expression> parse, string? endName, bool inParentheses)
    {
        var line = tokens.Line;
        var items = new List<Expression>();
        var isTuple = false;
        while (!IsTupleEnd(endName))
        {
            items.Add(parse());
            if (!tokens.SkipOperator(","))
                break;
            isTuple = true;
        }

        if (isTuple || (items.Count == 0 && inParentheses))
            return new TupleExpression(items, line);
        return items.Count == 1
            ? items[0]
            : throw JinjaException.Syntax($"Expected an expression, got '{tokens.Current}'", tokens.Line);
    }

    private bool IsTupleEnd(string? endName) =>
        tokens.Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd
        || tokens.Current.IsOperator(")")
        || (endName is not null && tokens.Current.IsName(endName));

    private Expression ParseTargetItem(bool allowNamespace)
    {
        if (allowNamespace && tokens.Current.Kind == TokenKind.Name && tokens.Following.IsOperator("."))
        {
            var space = tokens.Next();
            tokens.ExpectOperator(".");
            return new NamespaceTarget(space.Text, tokens.Expect(TokenKind.Name).Text, space.Line);
        }
        if (tokens.SkipOperator("("))
        {
            var inner = ParseTupleOf(() => ParseTargetItem(allowNamespace), endName: null, inParentheses: true);
            tokens.ExpectOperator(")");
            return inner;
        }
        return ParsePrimary();
    }

    private static void RequireAssignable(Expression target)
    {
        switch (target)
        {
            case NameExpression or NamespaceTarget:
                break;
            case TupleExpression tuple:
                foreach (var item in tuple.Items)
                    RequireAssignable(item);
                break;
            default:
                throw JinjaException.Syntax("can't assign to this expression", target.Line);
        }
    }

    private Expression ParseBinary(Func<Expression> parseOperand, Func<bool> isOperator)
    {
        var line = tokens.Line;
        var left = parseOperand();
        while (isOperator())
        {
            var symbol = tokens.Next().Text;
            left = new BinaryExpression(symbol, left, parseOperand(), line);
        }
        return left;
    }

    private Expression ParseAnd() => ParseBinary(ParseNot, () => tokens.Current.IsName("and"));

    private Expression ParseNot()
    {
        var line = tokens.Line;
        return tokens.SkipName("not") ? new UnaryExpression("not", ParseNot(), line) : ParseComparison();
    }

    private Expression ParseComparison()
    {
        var line = tokens.Line;
        var first = ParseSum();
        var rest = new List<(string, Expression)>();
        while (ReadComparisonOperator() is { } symbol)
            rest.Add((symbol, ParseSum()));
        return rest.Count == 0 ? first : new ComparisonExpression(first, rest, line);
    }

    private string? ReadComparisonOperator()
    {
        var token = tokens.Current;
        if (token.Kind == TokenKind.Operator && ComparisonOperators.Contains(token.Text))
            return tokens.Next().Text;
        if (tokens.SkipName("in"))
            return "in";
        if (!token.IsName("not") || !tokens.Following.IsName("in"))
            return null;
        tokens.Next();
        tokens.Next();
        return "not in";
    }

    private Expression ParseSum() =>
        ParseBinary(ParseConcat, () => tokens.Current.IsOperator("+") || tokens.Current.IsOperator("-"));

    private Expression ParseConcat()
    {
        var line = tokens.Line;
        var parts = new List<Expression> { ParseProduct() };
        while (tokens.SkipOperator("~"))
            parts.Add(ParseProduct());
        return parts.Count == 1 ? parts[0] : new ConcatExpression(parts, line);
    }

    private Expression ParseProduct() =>
        ParseBinary(ParsePower, () => tokens.Current is { Kind: TokenKind.Operator, Text: "*" or "/" or "//" or "%" });

    private Expression ParsePower() =>
        ParseBinary(() => ParseUnary(withFilters: true), () => tokens.Current.IsOperator("**"));

    private Expression ParseUnary(bool withFilters)
    {
        var line = tokens.Line;
        Expression value;
        if (tokens.Current is { Kind: TokenKind.Operator, Text: "-" or "+" })
            value = new UnaryExpression(tokens.Next().Text, ParseUnary(withFilters: false), line);
        else
            value = ParsePrimary();
        value = ParsePostfix(value);
        return withFilters ? ParseFiltersAndTests(value) : value;
    }

    private Expression ParsePrimary()
    {
        var token = tokens.Next();
        switch (token)
        {
            case { Kind: TokenKind.Name }:
                return ParseName(token);
            case { Kind: TokenKind.Number }:
                return new LiteralExpression(token.Number!, token.Line);
            case { Kind: TokenKind.String }:
                var text = token.Text;
                while (tokens.Current.Kind == TokenKind.String)
                    text += tokens.Next().Text;
                return new LiteralExpression(new PyString(text), token.Line);
            case { Kind: TokenKind.Operator, Text: "(" }:
                var inner = ParseTuple(inParentheses: true);
                tokens.ExpectOperator(")");
                return inner;
            case { Kind: TokenKind.Operator, Text: "[" }:
                return new ListExpression(ParseItems("]", ParseExpression), token.Line);
            case { Kind: TokenKind.Operator, Text: "{" }:
                return new DictExpression(ParseItems("}", ParsePair), token.Line);
            default:
                throw JinjaException.Syntax($"unexpected '{token}'", token.Line);
        }
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
        var key = ParseExpression();
        tokens.ExpectOperator(":");
        return (key, ParseExpression());
    }

    private Expression ParsePostfix(Expression value)
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
        return new SubscriptExpression(target, indices is [var one] ? one : new TupleExpression(indices, line), line);
    }

    private Expression ParseSubscripted()
    {
        var line = tokens.Line;
        var start = tokens.Current.IsOperator(":") ? null : ParseExpression();
        if (start is not null && !tokens.Current.IsOperator(":"))
            return start;
        tokens.ExpectOperator(":");
        var stop = ParseBound();
        return new SliceExpression(start, stop, tokens.SkipOperator(":") ? ParseBound() : null, line);
    }

    private Expression? ParseBound() =>
        tokens.Current is { Kind: TokenKind.Operator, Text: ":" or "]" or "," } ? null : ParseExpression();

    private CallExpression ParseCall(Expression target)
    {
        var line = tokens.Line;
        return new CallExpression(target, new ArgumentParser(tokens, this).Parse(), line);
    }

    private Expression ParseFiltersAndTests(Expression value)
    {
        while (true)
        {
            if (tokens.SkipOperator("|"))
                value = new FilterExpression(value, ParseFilter());
            else if (tokens.Current.IsName("is"))
                value = ParseTest(value);
            else if (tokens.Current.IsOperator("("))
                value = ParseCall(value);
            else
                return value;
        }
    }

    private FilterCall ParseFilter()
    {
        var line = tokens.Line;
        var name = ParseDottedName();
        names.UseFilter(name, line);
        var arguments = tokens.Current.IsOperator("(")
            ? new ArgumentParser(tokens, this).Parse()
            : ArgumentList.Empty;
        return new FilterCall(name, arguments, line);
    }

    private Expression ParseTest(Expression value)
    {
        var line = tokens.Next().Line;
        var isNegated = tokens.SkipName("not");
        var name = ParseDottedName();
        names.UseTest(name, line);
        Expression test = new TestExpression(value, name, ParseTestArguments(), line);
        return isNegated ? new UnaryExpression("not", test, line) : test;
    }

    private ArgumentList ParseTestArguments()
    {
        var token = tokens.Current;
        if (token.IsOperator("("))
            return new ArgumentParser(tokens, this).Parse();
        var hasArgument = token.Kind is TokenKind.String or TokenKind.Number
            || token is { Kind: TokenKind.Operator, Text: "[" or "{" }
            || (token.Kind == TokenKind.Name && token.Text is not ("else" or "or" or "and"));
        if (!hasArgument)
            return ArgumentList.Empty;
        if (token.IsName("is"))
            throw JinjaException.Syntax("You cannot chain multiple tests with is", token.Line);
        return ArgumentList.One(ParsePostfix(ParsePrimary()));
    }

    private string ParseDottedName()
    {
        var name = tokens.Expect(TokenKind.Name).Text;
        while (tokens.SkipOperator("."))
            name += "." + tokens.Expect(TokenKind.Name).Text;
        return name;
    }
}
