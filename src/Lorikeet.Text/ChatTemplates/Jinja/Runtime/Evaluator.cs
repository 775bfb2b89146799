using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Builtins;
using Lorikeet.Text.ChatTemplates.Jinja.Syntax;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary>Computes the value of an expression.</summary>
internal sealed class Evaluator
{
    public object Evaluate(Expression expression, Scope scope)
    {
        using var level = DepthGuard.Enter();
        RenderingBudget.Step();
        try
        {
            return Compute(expression, scope);
        }
        catch (JinjaException fault) when (fault.PassesThrough(expression.Line))
        {
            throw;
        }
    }

    public object Filter(FilterCall filter, object input, Scope scope) =>
        Filters.Apply(filter.Name, input, Arguments(filter.Name, filter.Arguments, scope));

    /// <summary>Calls what a call block names, with the block's body as <c>caller</c>.</summary>
    public object Call(CallExpression call, Scope scope, Macro? caller = null)
    {
        var target = Evaluate(call.Target, scope);
        var arguments = Arguments(NameOf(call.Target), call.Arguments, scope);
        if (caller is not null)
            arguments = arguments.With("caller", caller);
        return target switch
        {
            ICallable callable => callable.Call(arguments),
            Undefined undefined => throw undefined.Error(),
            _ => throw JinjaException.Type($"'{PyType.NameOf(target)}' object is not callable"),
        };
    }

    private object Compute(Expression expression, Scope scope) => expression switch
    {
        LiteralExpression literal => literal.Value,
        NameExpression name => scope.Find(name.Name),
        AttributeExpression attribute => Members.Attribute(Evaluate(attribute.Target, scope), attribute.Name),
        SubscriptExpression subscript => Subscript(subscript, scope),
        CallExpression call => Call(call, scope),
        FilterExpression filter => Filter(filter.Filter, Evaluate(filter.Input, scope), scope),
        TestExpression test => Tests.Apply(
            test.Name, Evaluate(test.Input, scope), Arguments(test.Name, test.Arguments, scope)),
        UnaryExpression unary => Unary(unary, scope),
        BinaryExpression binary => Binary(binary, scope),
        ComparisonExpression comparison => Compare(comparison, scope),
        ConcatExpression concat => PyString.Concat(
            [PyString.Empty, .. concat.Parts.Select(part => Display.Str(Evaluate(part, scope)))]),
        ConditionalExpression conditional => Conditional(conditional, scope),
        ListExpression list => PySequence.List(EvaluateAll(list.Items, scope)),
        TupleExpression tuple => PySequence.Tuple([.. EvaluateAll(tuple.Items, scope)]),
        DictExpression dict => Dict(dict, scope),
        _ => throw new InvalidOperationException($"No rule computes a {expression.GetType().Name}."),
    };

    private IEnumerable<object> EvaluateAll(IReadOnlyList<Expression> expressions, Scope scope) =>
        expressions.Select(expression => Evaluate(expression, scope));

    private object Subscript(SubscriptExpression subscript, Scope scope)
    {
        var target = Evaluate(subscript.Target, scope);
        if (subscript.Index is SliceExpression slice)
            return Slicing.Apply(target, Bound(slice.Start, scope), Bound(slice.Stop, scope), Bound(slice.Step, scope));
        return Members.Item(target, Evaluate(subscript.Index, scope));
    }

    private int? Bound(Expression? expression, Scope scope)
    {
        var value = expression is null ? PyNone.Value : Evaluate(expression, scope);
        return value switch
        {
            PyNone => null,
            bool or System.Numerics.BigInteger => BoundArguments.ToInteger(value),
            _ => throw JinjaException.Type(
                "slice indices must be integers or None or have an __index__ method"),
        };
    }

    private object Unary(UnaryExpression unary, Scope scope)
    {
        var operand = Evaluate(unary.Operand, scope);
        return unary.Operator switch
        {
            "not" => !Comparison.IsTrue(operand),
            "-" => Arithmetic.Negate(operand),
            _ => Arithmetic.Plus(operand),
        };
    }

    private object Binary(BinaryExpression binary, Scope scope)
    {
        var left = Evaluate(binary.Left, scope);
        return binary.Operator switch
        {
            "and" => Comparison.IsTrue(left) ? Evaluate(binary.Right, scope) : left,
            "or" => Comparison.IsTrue(left) ? left : Evaluate(binary.Right, scope),
            _ => Arithmetic.Apply(binary.Operator, left, Evaluate(binary.Right, scope)),
        };
    }

    private object Compare(ComparisonExpression comparison, Scope scope)
    {
        var left = Evaluate(comparison.First, scope);
        foreach (var (symbol, operand) in comparison.Rest)
        {
            var right = Evaluate(operand, scope);
            if (!Holds(symbol, left, right))
                return false;
            left = right;
        }
        return true;
    }

    private static bool Holds(string symbol, object left, object right) => symbol switch
    {
        "==" => Comparison.AreEqual(left, right),
        "!=" => !Comparison.AreEqual(left, right),
        "in" => Comparison.Contains(right, left),
        "not in" => !Comparison.Contains(right, left),
        "<" => Comparison.Compare(left, right, symbol) < 0,
        "<=" => Comparison.Compare(left, right, symbol) <= 0,
        ">" => Comparison.Compare(left, right, symbol) > 0,
        _ => Comparison.Compare(left, right, symbol) >= 0,
    };

    private object Conditional(ConditionalExpression conditional, Scope scope)
    {
        if (Comparison.IsTrue(Evaluate(conditional.Test, scope)))
            return Evaluate(conditional.Then, scope);
        return conditional.Otherwise is null
            ? new Undefined(
                $"the inline if-expression on line {conditional.Line} evaluated to false and no else section was " +
                "defined.")
            : Evaluate(conditional.Otherwise, scope);
    }

    private PyDict Dict(DictExpression expression, Scope scope)
    {
        var dict = new PyDict();
        foreach (var (key, value) in expression.Items)
            dict[Evaluate(key, scope)] = Evaluate(value, scope);
        return dict;
    }

    private CallArguments Arguments(string function, ArgumentList arguments, Scope scope)
    {
        var positional = EvaluateAll(arguments.Positional, scope).ToList();
        var named = arguments.Named.Select(pair => (pair.Name, Evaluate(pair.Value, scope))).ToList();
        if (arguments.Starred is not null)
            positional.AddRange(Iteration.Of(Evaluate(arguments.Starred, scope)));
        if (arguments.DoubleStarred is not null)
            named.AddRange(Spread(function, Evaluate(arguments.DoubleStarred, scope)));
        if (named.Select(pair => pair.Name).Distinct(StringComparer.Ordinal).Count() < named.Count)
            throw JinjaException.Type($"{function}() got multiple values for a keyword argument");
        return new CallArguments(function, positional, named);
    }

    private static IEnumerable<(string, object)> Spread(string function, object value)
    {
        if (value is not PyDict dict)
            throw JinjaException.Type($"{function}() argument after ** must be a mapping, not {PyType.NameOf(value)}");
        return dict.Pairs.Select(pair => (Display.Str(pair.Items[0]).Text, pair.Items[1]));
    }

    private static string NameOf(Expression target) => target switch
    {
        NameExpression name => name.Name,
        AttributeExpression attribute => attribute.Name,
        _ => "call",
    };
}
