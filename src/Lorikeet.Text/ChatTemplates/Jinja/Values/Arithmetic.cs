using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Builtins;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>Python's operators <c>+ - * / // % **</c> on its values.</summary>
internal static class Arithmetic
{
    // A template is someone else's text: it must not be able to eat all memory or time.
    private const int LongestResult = 100_000_000;
    private const int LargestExponent = 100_000;

    public static object Apply(string symbol, object left, object right)
    {
        if (left is PyString format && symbol == "%")
            return PercentFormat.Apply(format, right);
        if (left is Undefined undefinedLeft)
            throw undefinedLeft.Error();
        if (right is Undefined undefinedRight)
            throw undefinedRight.Error();
        if (Number.TryFrom(left, out var a) && Number.TryFrom(right, out var b))
            return a.IsInteger && b.IsInteger ? Integers(symbol, a.Integer, b.Integer) : Reals(symbol, a, b);
        return symbol switch
        {
            "+" => Add(left, right),
            "*" when IsRepeatable(left) => Repeat(left, right),
            "*" when IsRepeatable(right) => Repeat(right, left),
            _ => throw Unsupported(symbol, left, right),
        };
    }

    public static object Negate(object value) => value switch
    {
        _ when !Number.TryFrom(value, out _) => throw BadOperand("-", value),
        double real => -real,
        _ => Apply("-", BigInteger.Zero, value),
    };

    public static object Plus(object value) => Number.TryFrom(value, out var number)
        ? number.IsInteger ? number.Integer : value
        : throw BadOperand("+", value);

    private static JinjaException BadOperand(string symbol, object value) => value is Undefined undefined
        ? undefined.Error()
        : JinjaException.Type($"bad operand type for unary {symbol}: '{PyType.NameOf(value)}'");

    private static object Add(object left, object right) => (left, right) switch
    {
        (PyString a, PyString b) => AddText(a, b),
        (PySequence { Kind: SequenceKind.List or SequenceKind.Tuple } a, PySequence b) when a.Kind == b.Kind =>
            new PySequence(a.Kind, [.. a.Items, .. b.Items], Origin.Combine(a.Origin, b.Origin)),
        (PyString, _) => throw CannotConcatenate("str", right),
        (PySequence { Kind: SequenceKind.List or SequenceKind.Tuple } a, _) =>
            throw CannotConcatenate(a.TypeName, right),
        _ => throw Unsupported("+", left, right),
    };

    /// <summary>Safe HTML escapes what is added to it.</summary>
    private static PyString AddText(PyString left, PyString right)
    {
        if (!left.IsMarkup && !right.IsMarkup)
            return PyString.Concat([left, right]);
        return PyString.Concat([Html.Escape(left), Html.Escape(right)]).AsMarkup();
    }

    private static bool IsRepeatable(object value) =>
        value is PyString or PySequence { Kind: SequenceKind.List or SequenceKind.Tuple };

    private static object Repeat(object value, object countValue)
    {
        if (!Number.TryFrom(countValue, out var count) || !count.IsInteger)
            throw JinjaException.Type($"can't multiply sequence by non-int of type '{PyType.NameOf(countValue)}'");
        if (count.Integer * (Iteration.Length(value) ?? 1) > LongestResult)
            throw new JinjaException("MemoryError", $"a repetition longer than {LongestResult} items");
        var times = (int)BigInteger.Max(0, count.Integer);
        if (value is PySequence sequence)
            return new PySequence(sequence.Kind, [.. Enumerable.Repeat(sequence.Items, times).SelectMany(x => x)]);
        var text = (PyString)value;
        var repeated = times == 0 ? PyString.Empty : PyString.Concat([.. Enumerable.Repeat(text, times)]);
        return repeated.AsMarkup(text.IsMarkup);
    }

    private static object Integers(string symbol, BigInteger a, BigInteger b)
    {
        switch (symbol)
        {
            case "+": return a + b;
            case "-": return a - b;
            case "*": return a * b;
            case "/":
                return b.IsZero ? throw DivisionByZero("division by zero") : (double)a / (double)b;
            case "//" or "%":
                if (b.IsZero)
                    throw DivisionByZero($"integer {(symbol == "%" ? "modulo" : "division or modulo")} by zero");
                var quotient = BigInteger.DivRem(a, b, out var remainder);
                // Python rounds towards minus infinity.
                var isRounded = !remainder.IsZero && remainder.Sign != b.Sign;
                if (symbol == "//")
                    return isRounded ? quotient - 1 : quotient;
                return isRounded ? remainder + b : remainder;
            default:
                if (b.Sign < 0)
                    return Reals(symbol, new Number(a, null), new Number(b, null));
                return b <= LargestExponent
                    ? BigInteger.Pow(a, (int)b)
                    : throw new JinjaException("OverflowError", $"an exponent larger than {LargestExponent}");
        }
    }

    private static object Reals(string symbol, Number left, Number right)
    {
        var (a, b) = (left.ToDouble(), right.ToDouble());
        switch (symbol)
        {
            case "+": return a + b;
            case "-": return a - b;
            case "*": return a * b;
            case "/":
                return b == 0 ? throw DivisionByZero("float division by zero") : a / b;
            case "//":
                return b == 0 ? throw DivisionByZero("float floor division by zero") : Math.Floor(a / b);
            case "%":
                if (b == 0)
                    throw DivisionByZero("float modulo");
                var remainder = a % b;
                return remainder != 0 && remainder < 0 != b < 0 ? remainder + b : remainder;
            default:
                if (a == 0 && b < 0)
                    throw DivisionByZero("0.0 cannot be raised to a negative power");
                return Math.Pow(a, b);
        }
    }

    private static JinjaException DivisionByZero(string reason) => new("ZeroDivisionError", reason);

    private static JinjaException CannotConcatenate(string type, object right) =>
        JinjaException.Type($"can only concatenate {type} (not \"{PyType.NameOf(right)}\") to {type}");

    private static JinjaException Unsupported(string symbol, object left, object right) => JinjaException.Type(
        $"unsupported operand type(s) for {(symbol == "**" ? "** or pow()" : symbol)}: " +
        $"'{PyType.NameOf(left)}' and '{PyType.NameOf(right)}'");
}
