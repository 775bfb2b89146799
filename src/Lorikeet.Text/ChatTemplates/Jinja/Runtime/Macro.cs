using Lorikeet.Text.ChatTemplates.Jinja.Syntax;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary>A macro, with the scope it was defined in.</summary>
internal sealed class Macro(MacroStatement syntax, Scope definition, Interpreter interpreter) : ICallable
{
    public string? Name => syntax.Name;

    private bool TakesCaller => syntax.NamesRead.Contains("caller");

    private bool TakesNamed => syntax.NamesRead.Contains("kwargs");

    private bool TakesPositional => syntax.NamesRead.Contains("varargs");

    public object Call(CallArguments arguments)
    {
        var scope = new Scope(definition);
        var named = arguments.Named.ToDictionary(pair => pair.Name, pair => pair.Value);
        BindParameters(scope, arguments.Positional, named);
        BindSpecial(scope, arguments.Positional, named);
        return interpreter.Capture(syntax.Body, scope);
    }

    public object? Member(string name) => name switch
    {
        "name" => syntax.Name is null ? PyNone.Value : new PyString(syntax.Name),
        "arguments" => PySequence.Tuple([.. syntax.Parameters.Select(parameter => new PyString(parameter.Name))]),
        "catch_kwargs" => TakesNamed,
        "catch_varargs" => TakesPositional,
        "caller" => TakesCaller,
        _ => null,
    };

    private void BindParameters(Scope scope, IReadOnlyList<object> positional, Dictionary<string, object> named)
    {
        for (var i = 0; i < syntax.Parameters.Count; i++)
        {
            var (name, fallback) = syntax.Parameters[i];
            if (i < positional.Count)
                scope[name] = positional[i];
            else if (named.Remove(name, out var value))
                scope[name] = value;
            else if (fallback is not null)
                scope[name] = interpreter.Evaluate(fallback, scope);
            else
                scope[name] = new Undefined($"parameter '{name}' was not provided");
        }
    }

    private void BindSpecial(Scope scope, IReadOnlyList<object> positional, Dictionary<string, object> named)
    {
        var hasParameterCaller = syntax.Parameters.Any(parameter => parameter.Name == "caller");
        if (TakesCaller && !hasParameterCaller)
            scope["caller"] = named.Remove("caller", out var caller) ? caller : new Undefined("No caller defined");

        if (TakesNamed)
            scope["kwargs"] = ToDict(named);
        else if (named.Count > 0)
        {
            throw JinjaException.Type(named.ContainsKey("caller")
                ? $"macro '{Name}' was invoked with two values for the special caller argument. This is most " +
                  "likely a bug."
                : $"macro '{Name}' takes no keyword argument '{named.Keys.First()}'");
        }

        var extra = positional.Skip(syntax.Parameters.Count).ToArray();
        if (TakesPositional)
            scope["varargs"] = PySequence.Tuple(extra);
        else if (extra.Length > 0)
        {
            throw JinjaException.Type(
                $"macro '{Name}' takes not more than {syntax.Parameters.Count} argument(s)");
        }
    }

    private static PyDict ToDict(Dictionary<string, object> named)
    {
        var dict = new PyDict();
        foreach (var (name, value) in named)
            dict[new PyString(name)] = value;
        return dict;
    }
}
