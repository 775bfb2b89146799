namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>A piece of a template: text, a printed expression or a tag with its body.</summary>
/// <param name="Line">The template's line, from 1.</param>
internal abstract record Statement(int Line);

internal sealed record TextStatement(string Text, int Line) : Statement(Line);

internal sealed record PrintStatement(Expression Value, int Line) : Statement(Line);

internal sealed record ForStatement(
    Expression Target,
    Expression Items,
    Expression? Test,
    bool IsRecursive,
    IReadOnlyList<Statement> Body,
    IReadOnlyList<Statement> Otherwise,
    int Line) : Statement(Line);

/// <summary>Branches in order; the last one's test is null when it is <c>else</c>.</summary>
internal sealed record IfStatement(
    IReadOnlyList<(Expression? Test, IReadOnlyList<Statement> Body)> Branches, int Line) : Statement(Line);

internal sealed record SetStatement(Expression Target, Expression Value, int Line) : Statement(Line);

internal sealed record SetBlockStatement(
    Expression Target, IReadOnlyList<FilterCall> Filters, IReadOnlyList<Statement> Body, int Line) : Statement(Line);

/// <summary>A macro, or the anonymous one that the body of a call block is.</summary>
internal sealed record MacroStatement(
    string? Name,
    IReadOnlyList<(string Name, Expression? Default)> Parameters,
    IReadOnlyList<Statement> Body,
    IReadOnlySet<string> NamesRead,
    int Line) : Statement(Line);

internal sealed record CallBlockStatement(CallExpression Call, MacroStatement Caller, int Line) : Statement(Line);

internal sealed record FilterBlockStatement(
    IReadOnlyList<FilterCall> Filters, IReadOnlyList<Statement> Body, int Line) : Statement(Line);

internal sealed record WithStatement(
    IReadOnlyList<(Expression Target, Expression Value)> Assignments, IReadOnlyList<Statement> Body, int Line)
    : Statement(Line);

/// <summary><c>{% block %}</c>: without inheritance its body, run in the template's outermost scope.</summary>
internal sealed record BlockStatement(IReadOnlyList<Statement> Body, bool IsScoped, int Line) : Statement(Line);

/// <summary><c>{% generation %}</c>: what its body prints is the assistant's.</summary>
internal sealed record GenerationStatement(IReadOnlyList<Statement> Body, int Line) : Statement(Line);

internal sealed record BreakStatement(int Line) : Statement(Line);

internal sealed record ContinueStatement(int Line) : Statement(Line);

/// <summary>A parsed template.</summary>
/// <param name="Body">Its pieces in order.</param>
/// <param name="MarksGeneration">Whether it contains <c>{% generation %}</c> anywhere.</param>
internal sealed record TemplateSyntax(IReadOnlyList<Statement> Body, bool MarksGeneration);
