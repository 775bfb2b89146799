using System.Text;
using Lorikeet.Formats;

namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>Reads expressions, loosest binding first; the order of binding is jinja2's own, not Python's.</summary>
internal sealed class ExpressionParser
{
    private static readonly string[] ComparisonOperators = ["==", "!=", "<", "<=", ">", ">="];

    private readonly TokenStream _tokens;
    private readonly NameUse _names;
    private readonly OperandParser _operands;

    public ExpressionParser(TokenStream tokens, NameUse names)
    {
        _tokens = tokens;
        _names = names;
        _operands = new OperandParser(tokens, names, this);
    }

    /// <summary>An expression, or a tuple when commas follow.</summary>
    public Expression ParseTuple(bool allowConditional = true, string? endName = null, bool inParentheses = false)
    {
        Func<Expression> parse = allowConditional ? ParseExpression : ParseOr;
        return ParseTupleOf(parse, endName, inParentheses);
    }

    public Expression ParseExpression()
    {
        using var level = DepthGuard.Enter();
        var line = _tokens.Line;
        var mark = _names.Mark();
        var value = ParseOr();
        while (_tokens.SkipName("if"))
        {
            var test = ParseOr();
            var otherwise = _tokens.SkipName("else") ? ParseExpression() : null;
            value = new ConditionalExpression(test, value, otherwise, line);
            _names.Forgive(mark);
        }
        return value;
    }

    public Expression ParseOr() => ParseBinary(ParseAnd, () => _tokens.Current.IsName("or"));

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
        while (startsWithoutBar || _tokens.SkipOperator("|"))
        {
            startsWithoutBar = false;
            filters.Add(ParseFilter());
        }
        return filters;
    }

    private Expression ParseTupleOf(Func<Expression> parse, string? endName, bool inParentheses)
    {
        var line = _tokens.Line;
        var items = new List<Expression>();
        var isTuple = false;
        while (!IsTupleEnd(endName))
        {
            items.Add(parse());
            if (!_tokens.SkipOperator(","))
                break;
            isTuple = true;
        }

        if (isTuple || (items.Count == 0 && inParentheses))
            return new TupleExpression(items, line);
        return items.Count == 1
            ? items[0]
            : throw JinjaException.Syntax($"Expected an expression, got '{_tokens.Current}'", _tokens.Line);
    }

    private bool IsTupleEnd(string? endName) =>
        _tokens.Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd
        || _tokens.Current.IsOperator(")")
        || (endName is not null && _tokens.Current.IsName(endName));

    private Expression ParseTargetItem(bool allowNamespace)
    {
        using var level = DepthGuard.Enter();
        if (allowNamespace && _tokens.Current.Kind == TokenKind.Name && _tokens.Following.IsOperator("."))
        {
            var space = _tokens.Next();
            _tokens.ExpectOperator(".");
            return new NamespaceTarget(space.Text, _tokens.Expect(TokenKind.Name).Text, space.Line);
        }
        if (_tokens.SkipOperator("("))
        {
            var inner = ParseTupleOf(() => ParseTargetItem(allowNamespace), endName: null, inParentheses: true);
            _tokens.ExpectOperator(")");
            return inner;
        }
        return _operands.ParsePrimary();
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
                throw JinjaException.Syntax("can't assign to 'const'", target.Line);
        }
    }

    private Expression ParseBinary(Func<Expression> parseOperand, Func<bool> isOperator)
    {
        var line = _tokens.Line;
        var left = parseOperand();
        while (isOperator())
        {
            var symbol = _tokens.Next().Text;
            left = new BinaryExpression(symbol, left, parseOperand(), line);
        }
        return left;
    }

    private Expression ParseAnd() => ParseBinary(ParseNot, () => _tokens.Current.IsName("and"));

    private Expression ParseNot()
    {
        using var level = DepthGuard.Enter();
        var line = _tokens.Line;
        return _tokens.SkipName("not") ? new UnaryExpression("not", ParseNot(), line) : ParseComparison();
    }

    private Expression ParseComparison()
    {
        var line = _tokens.Line;
        var first = ParseSum();
        var rest = new List<(string, Expression)>();
        while (ReadComparisonOperator() is { } symbol)
            rest.Add((symbol, ParseSum()));
        return rest.Count == 0 ? first : new ComparisonExpression(first, rest, line);
    }

    private string? ReadComparisonOperator()
    {
        var token = _tokens.Current;
        if (token.Kind == TokenKind.Operator && ComparisonOperators.Contains(token.Text))
            return _tokens.Next().Text;
        if (_tokens.SkipName("in"))
            return "in";
        if (!token.IsName("not") || !_tokens.Following.IsName("in"))
            return null;
        _tokens.Next();
        _tokens.Next();
        return "not in";
    }

    private Expression ParseSum() =>
        ParseBinary(ParseConcat, () => _tokens.Current.IsOperator("+") || _tokens.Current.IsOperator("-"));

    private Expression ParseConcat()
    {
        var line = _tokens.Line;
        var parts = new List<Expression> { ParseProduct() };
        while (_tokens.SkipOperator("~"))
            parts.Add(ParseProduct());
        return parts.Count == 1 ? parts[0] : new ConcatExpression(parts, line);
    }

    private Expression ParseProduct() =>
        ParseBinary(ParsePower, () => _tokens.Current is { Kind: TokenKind.Operator, Text: "*" or "/" or "//" or "%" });

    private Expression ParsePower() =>
        ParseBinary(() => ParseUnary(withFilters: true), () => _tokens.Current.IsOperator("**"));

    private Expression ParseUnary(bool withFilters)
    {
        using var level = DepthGuard.Enter();
        var line = _tokens.Line;
        Expression value;
        if (_tokens.Current is { Kind: TokenKind.Operator, Text: "-" or "+" })
            value = new UnaryExpression(_tokens.Next().Text, ParseUnary(withFilters: false), line);
        else
            value = _operands.ParsePrimary();
        value = _operands.ParsePostfix(value);
        return withFilters ? ParseFiltersAndTests(value) : value;
    }

    private Expression ParseFiltersAndTests(Expression value)
    {
        while (true)
        {
            if (_tokens.SkipOperator("|"))
                value = new FilterExpression(value, ParseFilter());
            else if (_tokens.Current.IsName("is"))
                value = ParseTest(value);
            else if (_tokens.Current.IsOperator("("))
                value = _operands.ParseCall(value);
            else
                return value;
        }
    }

    private FilterCall ParseFilter()
    {
        var line = _tokens.Line;
        var name = ParseDottedName();
        _names.UseFilter(name, line);
        var arguments = _tokens.Current.IsOperator("(")
            ? new ArgumentParser(_tokens, this).Parse()
            : ArgumentList.Empty;
        return new FilterCall(name, arguments, line);
    }

    private Expression ParseTest(Expression value)
    {
        var line = _tokens.Next().Line;
        var isNegated = _tokens.SkipName("not");
        var name = ParseDottedName();
        _names.UseTest(name, line);
        Expression test = new TestExpression(value, name, ParseTestArguments(), line);
        return isNegated ? new UnaryExpression("not", test, line) : test;
    }

    private ArgumentList ParseTestArguments()
    {
        var token = _tokens.Current;
        if (token.IsOperator("("))
            return new ArgumentParser(_tokens, this).Parse();
        var hasArgument = token.Kind is TokenKind.String or TokenKind.Number
            || token is { Kind: TokenKind.Operator, Text: "[" or "{" }
            || (token.Kind == TokenKind.Name && token.Text is not ("else" or "or" or "and"));
        if (!hasArgument)
            return ArgumentList.Empty;
        if (token.IsName("is"))
            throw JinjaException.Syntax("You cannot chain multiple tests with is", token.Line);
        return ArgumentList.One(_operands.ParsePostfix(_operands.ParsePrimary()));
    }

    private string ParseDottedName()
    {
        var name = new StringBuilder(_tokens.Expect(TokenKind.Name).Text);
        while (_tokens.SkipOperator("."))
            name.Append('.').Append(_tokens.Expect(TokenKind.Name).Text);
        return name.ToString();
    }
}
