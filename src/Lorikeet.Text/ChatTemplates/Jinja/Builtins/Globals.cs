using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>The functions every template can call: jinja2's and the two that transformers adds.</summary>
internal static class Globals
{
    /// <summary>A scope with the functions.</summary>
    /// <param name="clock">What <c>strftime_now</c> reads.</param>
    public static Scope Create(TimeProvider clock)
    {
        var scope = new Scope();
        Add(scope, "range", Range);
        Add(scope, "dict", arguments => ToDict(arguments));
        Add(scope, "namespace", arguments => new Namespace(ToDict(arguments)));
        Add(scope, "cycler", Cycle);
        Add(scope, "joiner", arguments => new Joiner(arguments.Bind("sep").Text(0, ", ")));
        Add(scope, "raise_exception", Raise);
        Add(scope, "strftime_now", arguments => Now(clock, arguments));
        return scope;
    }

    private static void Add(Scope scope, string name, Func<CallArguments, object> body) =>
        scope[name] = new NativeFunction(name, body);

    private static PyString Now(TimeProvider clock, CallArguments arguments)
    {
        // The longest field, %c, writes 24 characters for two.
        var format = arguments.Bind("format").RequiredText(0).Text;
        RenderingBudget.Text(12L * format.Length);
        return new PyString(Strftime.Format(clock.GetLocalNow(), format));
    }

    private static object Range(CallArguments arguments)
    {
        var bounds = arguments.Positional.Select(AsInteger).ToArray();
        return bounds switch
        {
            [var stop] => PyRange.Create(0, stop, 1),
            [var start, var stop] => PyRange.Create(start, stop, 1),
            [var start, var stop, var step] => PyRange.Create(start, stop, step),
            [] => throw JinjaException.Type("range expected at least 1 argument, got 0"),
            _ => throw JinjaException.Type($"range expected at most 3 arguments, got {bounds.Length}"),
        };
    }

    private static BigInteger AsInteger(object value) =>
        Number.TryFrom(value, out var number) && number.IsInteger
            ? number.Integer
            : BoundArguments.ToInteger(value);

    private static PyDict ToDict(CallArguments arguments)
    {
        var dict = new PyDict();
        foreach (var source in arguments.Positional)
        {
            var pairs = source is PyDict other ? other.Pairs : Iteration.Of(source);
            foreach (var pair in pairs)
            {
                var (key, value) = Iteration.ToPair(pair);
                dict[key] = value;
            }
        }
        foreach (var (name, value) in arguments.Named)
            dict[new PyString(name)] = value;
        return dict;
    }

    private static Cycler Cycle(CallArguments arguments) => arguments.Positional.Count == 0
        ? throw new JinjaException("RuntimeError", "at least one item has to be provided")
        : new Cycler(arguments.Positional);

    private static object Raise(CallArguments arguments) =>
        throw new JinjaException("TemplateError", Display.Str(arguments.Bind("message").Required(0)).Text);
}
