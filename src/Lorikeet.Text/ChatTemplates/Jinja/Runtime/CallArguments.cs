using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary>What a call passes.</summary>
/// <param name="function">The name of what is called, for errors.</param>
/// <param name="positional">Arguments by position.</param>
/// <param name="named">Arguments by name, in order.</param>
internal sealed class CallArguments(
    string function, IReadOnlyList<object> positional, IReadOnlyList<(string Name, object Value)> named)
{
    public string Function => function;

    public IReadOnlyList<object> Positional => positional;

    public IReadOnlyList<(string Name, object Value)> Named => named;

    /// <summary>Fits the arguments to parameters; too many or unknown ones are a TypeError.</summary>
    public BoundArguments Bind(params string[] parameters)
    {
        if (positional.Count > parameters.Length)
        {
            throw JinjaException.Type(
                $"{function}() takes at most {parameters.Length} arguments ({positional.Count} given)");
        }

        var values = new object?[parameters.Length];
        for (var i = 0; i < positional.Count; i++)
            values[i] = positional[i];
        foreach (var (name, value) in named)
        {
            var index = Array.IndexOf(parameters, name);
            if (index < 0)
                throw JinjaException.Type($"{function}() got an unexpected keyword argument '{name}'");
            if (values[index] is not null)
                throw JinjaException.Type($"{function}() got multiple values for argument '{name}'");
            values[index] = value;
        }
        return new BoundArguments(function, parameters, values);
    }

    /// <summary>The arguments after the first <paramref name="count"/> positional ones.</summary>
    public CallArguments Skip(int count) => new(function, [.. positional.Skip(count)], named);

    public CallArguments With(string name, object value) => new(function, positional, [.. named, (name, value)]);
}

/// <summary>Arguments by the index of their parameter.</summary>
internal sealed class BoundArguments(string function, string[] parameters, object?[] values)
{
    public object Required(int index) => values[index] ?? throw JinjaException.Type(
        $"{function}() missing 1 required positional argument: '{parameters[index]}'");

    public object? Optional(int index) => values[index];

    public object Or(int index, object fallback) => values[index] ?? fallback;

    public bool Has(int index) => values[index] is not null and not PyNone;

    public bool Flag(int index, bool fallback = false) =>
        values[index] is { } value ? Comparison.IsTrue(value) : fallback;

    public int Integer(int index, int fallback) => Has(index) ? ToInteger(values[index]!) : fallback;

    public int RequiredInteger(int index) => ToInteger(Required(index));

    public PyString Text(int index, string fallback) => values[index] is { } value ? ToText(value) : fallback;

    public PyString RequiredText(int index) => ToText(Required(index));

    /// <summary>An index or count; one beyond any text or list is clamped.</summary>
    public static int ToInteger(object value) => value switch
    {
        bool flag => flag ? 1 : 0,
        BigInteger integer => (int)BigInteger.Clamp(integer, int.MinValue + 1, int.MaxValue),
        Undefined undefined => throw undefined.Error(),
        _ => throw JinjaException.Type(
            $"'{PyType.NameOf(value)}' object cannot be interpreted as an integer"),
    };

    private PyString ToText(object value) => value as PyString ?? throw JinjaException.Type(
        $"{function}() argument must be str, not {PyType.NameOf(value)}");
}
