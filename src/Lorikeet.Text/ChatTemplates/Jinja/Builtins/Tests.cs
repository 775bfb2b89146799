using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>What may follow <c>is</c>.</summary>
internal static class Tests
{
    private static readonly Dictionary<string, Func<object, bool>> OfOne = new()
    {
        ["boolean"] = value => value is bool,
        ["callable"] = value => value is ICallable or Undefined,
        ["defined"] = value => value is not Undefined,
        ["escaped"] = value => value is PyString { IsMarkup: true },
        ["even"] = value => IsDivisible(value, new BigInteger(2)),
        ["false"] = value => value is false,
        ["filter"] = value => value is PyString name && Filters.Exists(name.Text),
        ["float"] = value => value is double,
        ["integer"] = value => value is BigInteger,
        ["iterable"] = value => value is LoopContext || Iteration.TryOf(value) is not null,
        ["lower"] = value => StringPredicates.IsLower(Display.Str(value).Text),
        ["mapping"] = value => value is PyDict,
        ["none"] = value => value is PyNone,
        ["number"] = value => value is bool or BigInteger or double,
        ["odd"] = value => Comparison.AreEqual(Modulo(value, new BigInteger(2)), BigInteger.One),
        ["sequence"] = value => value is PyString or PyDict or PySequence { HasItems: true } or Undefined,
        ["string"] = value => value is PyString,
        ["test"] = value => value is PyString name && Exists(name.Text),
        ["true"] = value => value is true,
        ["undefined"] = value => value is Undefined,
        ["upper"] = value => StringPredicates.IsUpper(Display.Str(value).Text),
    };

    private static readonly Dictionary<string, Func<object, object, bool>> OfTwo = new()
    {
        ["divisibleby"] = IsDivisible,
        ["in"] = (value, container) => Comparison.Contains(container, value),
        ["sameas"] = IsSame,
        ["=="] = Comparison.AreEqual,
        ["eq"] = Comparison.AreEqual,
        ["equalto"] = Comparison.AreEqual,
        ["!="] = (left, right) => !Comparison.AreEqual(left, right),
        ["ne"] = (left, right) => !Comparison.AreEqual(left, right),
        [">"] = IsGreater,
        ["gt"] = IsGreater,
        ["greaterthan"] = IsGreater,
        [">="] = (left, right) => Comparison.Compare(left, right, ">=") >= 0,
        ["ge"] = (left, right) => Comparison.Compare(left, right, ">=") >= 0,
        ["<"] = IsLess,
        ["lt"] = IsLess,
        ["lessthan"] = IsLess,
        ["<="] = (left, right) => Comparison.Compare(left, right, "<=") <= 0,
        ["le"] = (left, right) => Comparison.Compare(left, right, "<=") <= 0,
    };

    public static bool Exists(string name) => OfOne.ContainsKey(name) || OfTwo.ContainsKey(name);

    /// <summary>Applies a test by name; an unknown one is an error.</summary>
    public static bool Apply(string name, object value, CallArguments arguments)
    {
        RenderingBudget.Step();
        if (value is PyString text)
            RenderingBudget.Scan(text.Text.Length);
        if (OfTwo.TryGetValue(name, out var comparison))
            return comparison(value, arguments.Bind("other").Required(0));
        if (!OfOne.TryGetValue(name, out var test))
            throw JinjaException.Runtime($"No test named '{name}'.");
        arguments.Bind();
        return test(value);
    }

    private static bool IsGreater(object left, object right) => Comparison.Compare(left, right, ">") > 0;

    private static bool IsLess(object left, object right) => Comparison.Compare(left, right, "<") < 0;

    private static object Modulo(object value, object divisor) => Arithmetic.Apply("%", value, divisor);

    private static bool IsDivisible(object value, object divisor) =>
        Comparison.AreEqual(Modulo(value, divisor), BigInteger.Zero);

    // Python keeps one object per small int; templates compare those, None, True and False.
    private static bool IsSame(object left, object right) => (left, right) switch
    {
        (bool a, bool b) => a == b,
        (BigInteger a, BigInteger b) => a == b,
        _ => ReferenceEquals(left, right),
    };
}
