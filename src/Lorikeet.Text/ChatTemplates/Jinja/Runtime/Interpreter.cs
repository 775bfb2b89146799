using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Syntax;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary>Runs a template's statements once.</summary>
internal sealed class Interpreter
{
    private readonly Scope _top;
    private readonly Evaluator _evaluator = new();
    private Output _output = new();
    private int _loopDepth;
    private int _turn;
    private int _turnsBegun;

    private Interpreter(Scope globals) => _top = new Scope(globals);

    /// <summary>How a statement ended: loops act on all but <see cref="Normal"/>.</summary>
    private enum Completion
    {
        Normal,
        Break,
        Continue,
    }

    /// <summary>Renders a template.</summary>
    /// <param name="template">The parsed template.</param>
    /// <param name="globals">The variables and functions it sees.</param>
    public static PyString Render(TemplateSyntax template, Scope globals)
    {
        var interpreter = new Interpreter(globals);
        interpreter.Execute(template.Body, interpreter._top);
        return interpreter._output.ToPyString();
    }

    public object Evaluate(Expression expression, Scope scope) => _evaluator.Evaluate(expression, scope);

    /// <summary>What statements print.</summary>
    public PyString Capture(IReadOnlyList<Statement> body, Scope scope)
    {
        var outer = _output;
        _output = new Output();
        try
        {
            Execute(body, scope);
            return _output.ToPyString();
        }
        finally
        {
            _output = outer;
        }
    }

    private Completion Execute(IReadOnlyList<Statement> body, Scope scope)
    {
        using var level = DepthGuard.Enter();
        foreach (var statement in body)
        {
            RenderingBudget.Step();
            try
            {
                var completion = Execute(statement, scope);
                if (completion != Completion.Normal)
                    return completion;
            }
            catch (JinjaException fault) when (fault.PassesThrough(statement.Line))
            {
                throw;
            }
        }
        return Completion.Normal;
    }

    private Completion Execute(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case TextStatement text:
                Write(text.Text);
                break;
            case PrintStatement print:
                Write(Display.Str(Evaluate(print.Value, scope)));
                break;
            case IfStatement branches:
                return ExecuteIf(branches, scope);
            case ForStatement loop:
                ExecuteFor(loop, scope);
                break;
            case SetStatement set:
                Assign(set.Target, Evaluate(set.Value, scope), scope);
                break;
            case BreakStatement:
                return Completion.Break;
            case ContinueStatement:
                return Completion.Continue;
            case WithStatement with:
                return ExecuteWith(with, scope);
            default:
                ExecuteCapturing(statement, scope);
                break;
        }
        return Completion.Normal;
    }

    private void ExecuteCapturing(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case SetBlockStatement set:
                var inner = new Scope(scope);
                Assign(set.Target, Filter(set.Filters, Capture(set.Body, inner), inner), scope);
                break;
            case FilterBlockStatement filter:
                var filterScope = new Scope(scope);
                Write(Display.Str(Filter(filter.Filters, Capture(filter.Body, filterScope), filterScope)));
                break;
            case MacroStatement macro:
                scope[macro.Name!] = new Macro(macro, scope, this);
                break;
            case CallBlockStatement call:
                var caller = new Macro(call.Caller, scope, this);
                Write(Display.Str(_evaluator.Call(call.Call, scope, caller)));
                break;
            case BlockStatement block:
                Write(Capture(block.Body, new Scope(block.IsScoped ? scope : _top)));
                break;
            case GenerationStatement generation:
                Write(new PyString(Capture(generation.Body, new Scope(scope)).Text, Origin.Generated));
                break;
            default:
                throw new InvalidOperationException($"No rule runs a {statement.GetType().Name}.");
        }
    }

    private void Write(PyString text) => _output.Write(text, _turn);

    private object Filter(IReadOnlyList<FilterCall> filters, object value, Scope scope) =>
        filters.Aggregate(value, (input, filter) => _evaluator.Filter(filter, input, scope));

    private Completion ExecuteIf(IfStatement statement, Scope scope)
    {
        foreach (var (test, body) in statement.Branches)
        {
            if (test is null || Comparison.IsTrue(Evaluate(test, scope)))
                return Execute(body, scope);
        }
        return Completion.Normal;
    }

    private Completion ExecuteWith(WithStatement statement, Scope scope)
    {
        var inner = new Scope(scope);
        foreach (var (target, value) in statement.Assignments)
            Assign(target, Evaluate(value, scope), inner);
        return Execute(statement.Body, inner);
    }

    private void ExecuteFor(ForStatement statement, Scope scope)
    {
        var items = Evaluate(statement.Items, scope);
        if (statement.IsRecursive)
            Write(RunRecursive(statement, items, scope, depth0: 0));
        else
            RunLoop(statement, items, scope, depth0: 0, recurse: null);
    }

    private PyString RunRecursive(ForStatement statement, object items, Scope scope, int depth0)
    {
        var outer = _output;
        _output = new Output();
        try
        {
            RunLoop(statement, items, scope, depth0, (inner, depth) => RunRecursive(statement, inner, scope, depth));
            return _output.ToPyString();
        }
        finally
        {
            _output = outer;
        }
    }

    private void RunLoop(
        ForStatement statement, object items, Scope scope, int depth0, Func<object, int, PyString>? recurse)
    {
        var passes = Iteration.Of(items);
        var length = items is PyIterator ? null : Iteration.Length(items);
        if (statement.Test is not null)
            (passes, length) = (Select(statement, passes, scope), null);

        var loop = new LoopContext(passes, length, depth0, recurse);
        var hasCompletedPass = false;
        while (loop.MoveNext(out var item))
        {
            var body = new Scope(scope);
            body["loop"] = loop;
            Assign(statement.Target, item, body);
            var completion = RunPass(statement.Body, body);
            hasCompletedPass |= completion == Completion.Normal;
            if (completion == Completion.Break)
                break;
        }
        // jinja2 runs 'else' too when every pass ended in 'break' or 'continue'.
        if (!hasCompletedPass)
            Execute(statement.Otherwise, new Scope(scope));
    }

    private Completion RunPass(IReadOnlyList<Statement> body, Scope scope)
    {
        if (_loopDepth == 0)
            _turn = ++_turnsBegun;
        _loopDepth++;
        try
        {
            return Execute(body, scope);
        }
        finally
        {
            if (--_loopDepth == 0)
                _turn = 0;
        }
    }

    private IEnumerable<object> Select(ForStatement statement, IEnumerable<object> items, Scope scope)
    {
        foreach (var item in items)
        {
            var test = new Scope(scope);
            Assign(statement.Target, item, test);
            if (Comparison.IsTrue(Evaluate(statement.Test!, test)))
                yield return item;
        }
    }

    private void Assign(Expression target, object value, Scope scope)
    {
        switch (target)
        {
            case NameExpression name:
                scope[name.Name] = value;
                break;
            case NamespaceTarget attribute:
                if (scope.Find(attribute.Namespace) is not Namespace space)
                    throw JinjaException.Runtime("cannot assign attribute on non-namespace object");
                // A text gathered over the turns is printed after the loop; its parts remember their turns.
                space.Attributes[new PyString(attribute.Attribute)] = value is PyString text ? text.At(_turn) : value;
                break;
            case TupleExpression tuple:
                Unpack(tuple.Items, value, scope);
                break;
        }
    }

    private void Unpack(IReadOnlyList<Expression> targets, object value, Scope scope)
    {
        var items = Iteration.TryOf(value)?.ToArray()
            ?? throw JinjaException.Type($"cannot unpack non-iterable {PyType.NameOf(value)} object");
        if (items.Length < targets.Count)
        {
            throw JinjaException.Value(
                $"not enough values to unpack (expected {targets.Count}, got {items.Length})");
        }
        if (items.Length > targets.Count)
            throw JinjaException.Value($"too many values to unpack (expected {targets.Count})");
        for (var i = 0; i < items.Length; i++)
            Assign(targets[i], items[i], scope);
    }
}
