using Lorikeet.Formats;

namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>Reads a whole template: text, printed expressions and tags.</summary>
internal sealed class TemplateParser
{
    private readonly TokenStream _tokens;
    private readonly NameUse _names = new();
    private readonly ExpressionParser _expressions;
    private readonly List<string> _openTags = [];
    private bool _marksGeneration;

    private TemplateParser(string source)
    {
        _tokens = new TokenStream(Lexer.Tokenize(source));
        _expressions = new ExpressionParser(_tokens, _names);
    }

    public static TemplateSyntax Parse(string source)
    {
        var parser = new TemplateParser(source);
        var body = parser.ParseBody([]);
        parser._names.Enforce(0);
        return new TemplateSyntax(body, parser._marksGeneration);
    }

    /// <summary>Reads until a tag that <paramref name="endTags"/> names; that name is the current token then.</summary>
    private List<Statement> ParseBody(string[] endTags)
    {
        using var level = DepthGuard.Enter();
        var body = new List<Statement>();
        while (_tokens.Current.Kind != TokenKind.End)
        {
            var token = _tokens.Next();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    body.Add(new TextStatement(token.Text, token.Line));
                    break;
                case TokenKind.VariableBegin:
                    body.Add(new PrintStatement(_expressions.ParseTuple(), token.Line));
                    _tokens.Expect(TokenKind.VariableEnd);
                    break;
                default:
                    if (_tokens.Current.Kind == TokenKind.Name && endTags.Contains(_tokens.Current.Text))
                        return body;
                    ParseTag(body, endTags);
                    _tokens.Expect(TokenKind.BlockEnd);
                    break;
            }
        }
        return endTags.Length == 0 ? body : throw Unclosed("Unexpected end of template.", endTags);
    }

    private void ParseTag(List<Statement> body, string[] endTags)
    {
        var tag = _tokens.Current.Kind == TokenKind.Name
            ? _tokens.Next()
            : throw JinjaException.Syntax("tag name expected", _tokens.Line);
        _openTags.Add(tag.Text);
        if (tag.Text == "print")
            ParsePrint(body);
        else
            body.Add(ParseStatement(tag, endTags));
        _openTags.RemoveAt(_openTags.Count - 1);
    }

    private Statement ParseStatement(Token tag, string[] endTags) => tag.Text switch
    {
        "for" => Scoped(() => ParseFor(tag.Line)),
        "if" => ParseIf(tag.Line),
        "set" => ParseSet(tag.Line),
        "macro" => ParseMacro(tag.Line),
        "call" => ParseCallBlock(tag.Line),
        "filter" => Scoped(() =>
            new FilterBlockStatement(_expressions.ParseFilters(true), ParseBlock("endfilter"), tag.Line)),
        "with" => Scoped(() => ParseWith(tag.Line)),
        "autoescape" => Scoped(() => ParseAutoescape(tag.Line)),
        "block" => Scoped(() => ParseNamedBlock(tag.Line)),
        "generation" => ParseGeneration(tag.Line),
        "break" => new BreakStatement(tag.Line),
        "continue" => new ContinueStatement(tag.Line),
        "extends" or "include" or "import" or "from" => throw JinjaException.Syntax(
            $"'{tag.Text}' needs other templates, and a chat template stands alone", tag.Line),
        _ => throw Unclosed($"Encountered unknown tag '{tag.Text}'.", endTags),
    };

    private JinjaException Unclosed(string problem, string[] endTags)
    {
        var looking = endTags.Length == 0 ? "" : $" Jinja was looking for: {string.Join(" or ", endTags)}.";
        var innermost = _openTags.Count == 0 ? "" : $" The innermost open tag is '{_openTags[^1]}'.";
        return JinjaException.Syntax(problem + looking + innermost, _tokens.Line);
    }

    /// <summary>The rest of a tag, then its body up to and including the name of one of the end tags.</summary>
    private List<Statement> ParseBlock(params string[] endTags)
    {
        _tokens.SkipOperator(":");
        _tokens.Expect(TokenKind.BlockEnd);
        var body = ParseBody(endTags);
        if (endTags.Length == 1)
            _tokens.Next();
        return body;
    }

    /// <summary>Parses what has a scope of its own: no branch around it forgives an unknown filter in it.</summary>
    private T Scoped<T>(Func<T> parse)
    {
        var mark = _names.Mark();
        var result = parse();
        _names.Enforce(mark);
        return result;
    }

    private void ParsePrint(List<Statement> body)
    {
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            body.Add(new PrintStatement(_expressions.ParseExpression(), _tokens.Line));
            if (!_tokens.SkipOperator(","))
                break;
        }
    }

    private ForStatement ParseFor(int line)
    {
        var target = _expressions.ParseTarget(endName: "in");
        if (target is NameExpression { Name: "loop" })
            throw JinjaException.Assertion("Can't assign to special loop variable in for-loop target", line);
        _tokens.ExpectName("in");
        var items = _expressions.ParseTuple(allowConditional: false, endName: "recursive");
        var test = _tokens.SkipName("if") ? _expressions.ParseExpression() : null;
        var isRecursive = _tokens.SkipName("recursive");
        var body = ParseBlock("endfor", "else");
        var otherwise = _tokens.Next().Text == "else" ? ParseBlock("endfor") : [];
        return new ForStatement(target, items, test, isRecursive, body, otherwise, line);
    }

    private IfStatement ParseIf(int line)
    {
        var mark = _names.Mark();
        var branches = new List<(Expression?, IReadOnlyList<Statement>)>();
        string end;
        do
        {
            var test = _expressions.ParseTuple(allowConditional: false);
            branches.Add((test, ParseBlock("elif", "else", "endif")));
            end = _tokens.Next().Text;
        }
        while (end == "elif");

        if (end == "else")
            branches.Add((null, ParseBlock("endif")));
        _names.Forgive(mark);
        return new IfStatement(branches, line);
    }

    private Statement ParseSet(int line)
    {
        var target = _expressions.ParseTarget(allowNamespace: true);
        if (_tokens.SkipOperator("="))
            return new SetStatement(target, _expressions.ParseTuple(), line);
        return Scoped(() =>
            new SetBlockStatement(target, _expressions.ParseFilters(), ParseBlock("endset"), line));
    }

    private MacroStatement ParseMacro(int line)
    {
        var name = _tokens.Expect(TokenKind.Name).Text;
        return ParseMacroBody(name, ParseParameters, "endmacro", line);
    }

    private CallBlockStatement ParseCallBlock(int line)
    {
        IReadOnlyList<(string, Expression?)> parameters = _tokens.Current.IsOperator("(") ? ParseParameters() : [];
        if (_expressions.ParseExpression() is not CallExpression call)
            throw JinjaException.Syntax("expected call", line);
        return new CallBlockStatement(call, ParseMacroBody(null, () => parameters, "endcall", line), line);
    }

    private MacroStatement ParseMacroBody(
        string? name, Func<IReadOnlyList<(string, Expression?)>> parseParameters, string endTag, int line) =>
        Scoped(() =>
        {
            _names.BeginReader();
            var parameters = parseParameters();
            var body = ParseBlock(endTag);
            return new MacroStatement(name, parameters, body, _names.EndReader(), line);
        });

    private List<(string, Expression?)> ParseParameters()
    {
        var parameters = new List<(string, Expression?)>();
        _tokens.ExpectOperator("(");
        while (!_tokens.SkipOperator(")"))
        {
            if (parameters.Count > 0)
                _tokens.ExpectOperator(",");
            var name = _tokens.Expect(TokenKind.Name).Text;
            var hasDefault = _tokens.SkipOperator("=");
            if (!hasDefault && parameters.Count > 0 && parameters[^1].Item2 is not null)
                throw JinjaException.Syntax("non-default argument follows default argument", _tokens.Line);
            parameters.Add((name, hasDefault ? _expressions.ParseExpression() : null));
        }
        return parameters;
    }

    private WithStatement ParseWith(int line)
    {
        var assignments = new List<(Expression, Expression)>();
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            if (assignments.Count > 0)
                _tokens.ExpectOperator(",");
            var target = _expressions.ParseTarget();
            _tokens.ExpectOperator("=");
            assignments.Add((target, _expressions.ParseExpression()));
        }
        return new WithStatement(assignments, ParseBlock("endwith"), line);
    }

    /// <summary>Chat templates are no HTML: escaping can be turned off, as it is, but not on.</summary>
    private WithStatement ParseAutoescape(int line)
    {
        if (_expressions.ParseExpression() is not LiteralExpression { Value: false })
            throw JinjaException.Syntax("'autoescape' can only be false in a chat template", line);
        return new WithStatement([], ParseBlock("endautoescape"), line);
    }

    private BlockStatement ParseNamedBlock(int line)
    {
        var name = _tokens.Expect(TokenKind.Name).Text;
        var isScoped = _tokens.SkipName("scoped");
        _tokens.SkipName("required");
        var body = ParseBlock("endblock");
        _tokens.SkipName(name);
        return new BlockStatement(body, isScoped, line);
    }

    private GenerationStatement ParseGeneration(int line)
    {
        _marksGeneration = true;
        return Scoped(() => new GenerationStatement(ParseBlock("endgeneration"), line));
    }
}
