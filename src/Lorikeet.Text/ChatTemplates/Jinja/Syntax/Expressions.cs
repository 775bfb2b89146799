namespace Lorikeet.Text.ChatTemplates.Jinja.Syntax;

/// <summary>An expression of the template language.</summary>
/// <param name="Line">The template's line, from 1.</param>
internal abstract record Expression(int Line);

/// <summary>A string, number, boolean or none.</summary>
internal sealed record LiteralExpression(object Value, int Line) : Expression(Line);

internal sealed record NameExpression(string Name, int Line) : Expression(Line);

/// <summary><c>ns.name</c> as the target of an assignment.</summary>
internal sealed record NamespaceTarget(string Namespace, string Attribute, int Line) : Expression(Line);

internal sealed record ListExpression(IReadOnlyList<Expression> Items, int Line) : Expression(Line);

internal sealed record TupleExpression(IReadOnlyList<Expression> Items, int Line) : Expression(Line);

internal sealed record DictExpression(IReadOnlyList<(Expression Key, Expression Value)> Items, int Line)
    : Expression(Line);

internal sealed record AttributeExpression(Expression Target, string Name, int Line) : Expression(Line);

internal sealed record SubscriptExpression(Expression Target, Expression Index, int Line) : Expression(Line);

/// <summary><c>start:stop:step</c> inside brackets.</summary>
internal sealed record SliceExpression(Expression? Start, Expression? Stop, Expression? Step, int Line)
    : Expression(Line);

internal sealed record CallExpression(Expression Target, ArgumentList Arguments, int Line) : Expression(Line);

internal sealed record FilterExpression(Expression Input, FilterCall Filter) : Expression(Filter.Line);

internal sealed record TestExpression(Expression Input, string Name, ArgumentList Arguments, int Line)
    : Expression(Line);

/// <summary><c>not</c>, <c>-</c> or <c>+</c>.</summary>
internal sealed record UnaryExpression(string Operator, Expression Operand, int Line) : Expression(Line);

/// <summary>Arithmetic, <c>and</c> or <c>or</c>.</summary>
internal sealed record BinaryExpression(string Operator, Expression Left, Expression Right, int Line)
    : Expression(Line);

/// <summary>A chain such as <c>0 &lt; x &lt; 5</c>, where each operand is evaluated once.</summary>
internal sealed record ComparisonExpression(
    Expression First, IReadOnlyList<(string Operator, Expression Operand)> Rest, int Line) : Expression(Line);

/// <summary>Parts joined by <c>~</c>.</summary>
internal sealed record ConcatExpression(IReadOnlyList<Expression> Parts, int Line) : Expression(Line);

/// <summary><c>then if test else otherwise</c>.</summary>
internal sealed record ConditionalExpression(Expression Test, Expression Then, Expression? Otherwise, int Line)
    : Expression(Line);

/// <summary>The arguments of a call, filter or test.</summary>
internal sealed record ArgumentList(
    IReadOnlyList<Expression> Positional,
    IReadOnlyList<(string Name, Expression Value)> Named,
    Expression? Starred,
    Expression? DoubleStarred)
{
    public static ArgumentList Empty { get; } = new([], [], null, null);

    public static ArgumentList One(Expression argument) => new([argument], [], null, null);
}

/// <summary>A filter by name, with its arguments but not its input.</summary>
internal sealed record FilterCall(string Name, ArgumentList Arguments, int Line);
