using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>What may follow <c>is</c>.</summary>
internal static class Tests
{
    private static readonly Dictionary<string, Func<object, CallArguments, bool>> ByName = new()
    {
        ["boolean"] = (value, _) => value is bool,
        ["callable"] = (value, _) => value is ICallable,
        ["defined"] = (value, _) => value is not Undefined,
        ["divisibleby"] = (value, a) => IsDivisible(value, a.Bind("num").Required(0)),
        ["escaped"] = (value, _) => value is PyString { IsMarkup: true },
        ["even"] = (value, _) => IsDivisible(value, new BigInteger(2)),
        ["false"] = (value, _) => value is false,
        ["filter"] = (value, _) => value is PyString name && Filters.Exists(name.Text),
        ["float"] = (value, _) => value is double,
        ["in"] = (value, a) => Comparison.Contains(a.Bind("seq").Required(0), value),
        ["integer"] = (value, _) => value is BigInteger,
        ["iterable"] = (value, _) => value is LoopContext || Iteration.TryOf(value) is not null,
        ["lower"] = (value, _) => StringPredicates.IsLower(Display.Str(value).Text),
        ["mapping"] = (value, _) => value is PyDict,
        ["none"] = (value, _) => value is PyNone,
        ["number"] = (value, _) => value is bool or BigInteger or double,
        ["odd"] = (value, _) => Comparison.AreEqual(Modulo(value, new BigInteger(2)), BigInteger.One),
        ["sameas"] = (value, a) => IsSame(value, a.Bind("other").Required(0)),
        ["sequence"] = (value, _) => value is PyString or PyDict or PySequence { HasItems: true } or Undefined,
        ["string"] = (value, _) => value is PyString,
        ["test"] = (value, _) => value is PyString name && Exists(name.Text),
        ["true"] = (value, _) => value is true,
        ["undefined"] = (value, _) => value is Undefined,
        ["upper"] = (value, _) => StringPredicates.IsUpper(Display.Str(value).Text),
    };

    private static readonly Dictionary<string, string> Comparisons = new()
    {
        ["=="] = "==", ["eq"] = "==", ["equalto"] = "==",
        ["!="] = "!=", ["ne"] = "!=",
        [">"] = ">", ["gt"] = ">", ["greaterthan"] = ">",
        [">="] = ">=", ["ge"] = ">=",
        ["<"] = "<", ["lt"] = "<", ["lessthan"] = "<",
        ["<="] = "<=", ["le"] = "<=",
    };

    public static bool Exists(string name) => ByName.ContainsKey(name) || Comparisons.ContainsKey(name);

    /// <summary>Applies a test by name; an unknown one is an error.</summary>
    public static bool Apply(string name, object value, CallArguments arguments)
    {
        if (ByName.TryGetValue(name, out var test))
            return test(value, arguments);
        if (!Comparisons.TryGetValue(name, out var symbol))
            throw JinjaException.Runtime($"No test named '{name}' found.");
        var other = arguments.Bind("other").Required(0);
        return symbol switch
        {
            "==" => Comparison.AreEqual(value, other),
            "!=" => !Comparison.AreEqual(value, other),
            ">" => Comparison.Compare(value, other, symbol) > 0,
            ">=" => Comparison.Compare(value, other, symbol) >= 0,
            "<" => Comparison.Compare(value, other, symbol) < 0,
            _ => Comparison.Compare(value, other, symbol) <= 0,
        };
    }

    private static object Modulo(object value, object divisor) => Arithmetic.Apply("%", value, divisor);

    private static bool IsDivisible(object value, object divisor) =>
        Comparison.AreEqual(Modulo(value, divisor), BigInteger.Zero);

    // Python keeps one object per small int and short string; templates compare those, None, True and False.
    private static bool IsSame(object left, object right) => (left, right) switch
    {
        (bool a, bool b) => a == b,
        (BigInteger a, BigInteger b) => a == b,
        (PyString a, PyString b) => a.Text == b.Text,
        _ => ReferenceEquals(left, right),
    };
}
