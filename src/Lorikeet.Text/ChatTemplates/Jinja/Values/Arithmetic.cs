using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Builtins;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>Python's operators <c>+ - * / // % **</c> on its values.</summary>
internal static class Arithmetic
{
    // Time grows with the square of the bits. CPython prints a fifth of as many.
    private const int LargestInteger = 1 << 16;

    public static object Apply(string symbol, object left, object right)
    {
        if (left is PyString format && symbol == "%")
            return PercentFormat.Apply(format, right);
        if (left is Undefined undefinedLeft)
            throw undefinedLeft.Error();
        if (right is Undefined undefinedRight)
            throw undefinedRight.Error();
        if (Number.TryFrom(left, out var a) && Number.TryFrom(right, out var b))
            return a.IsInteger && b.IsInteger ? Bounded(Integers(symbol, a.Integer, b.Integer)) : Reals(symbol, a, b);
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
            AddItems(a, b),
        (PyString, _) => throw CannotConcatenate("str", right),
        (PySequence { Kind: SequenceKind.List or SequenceKind.Tuple } a, _) =>
            throw CannotConcatenate(a.TypeName, right),
        _ => throw Unsupported("+", left, right),
    };

    private static PySequence AddItems(PySequence left, PySequence right)
    {
        RenderingBudget.Take(8L * (left.Items.Count + right.Items.Count));
        return new PySequence(left.Kind, [.. left.Items, .. right.Items], Origin.Combine(left.Origin, right.Origin));
    }

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
        var times = (int)BigInteger.Clamp(count.Integer, 0, int.MaxValue);
        if (value is PySequence sequence)
        {
            RenderingBudget.Take(8L * times * sequence.Items.Count);
            var items = sequence.Items.Count == 0 ? [] : Enumerable.Repeat(sequence.Items, times).SelectMany(x => x);
            return new PySequence(sequence.Kind, [.. items]);
        }

        var text = (PyString)value;
        if (text.Text.Length == 0)
            return text;
        RenderingBudget.Take(text.Bytes * times);
        var repeated = times == 0 ? PyString.Empty : PyString.Concat([.. Enumerable.Repeat(text, times)]);
        return repeated.AsMarkup(text.IsMarkup);
    }

    private static object Integers(string symbol, BigInteger a, BigInteger b)
    {
        switch (symbol)
        {
            case "+":
                return a + b;
            case "-":
                return a - b;
            case "*":
                return a * b;
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
                return b * a.GetBitLength() <= 2 * LargestInteger ? BigInteger.Pow(a, (int)b) : throw TooLarge();
        }
    }

    private static object Bounded(object value) =>
        value is BigInteger integer && integer.GetBitLength() > LargestInteger ? throw TooLarge() : value;

    private static JinjaException TooLarge() =>
        new("OverflowError", $"an integer of more than {LargestInteger} bits");

    private static object Reals(string symbol, Number left, Number right)
    {
        var (a, b) = (left.ToDouble(), right.ToDouble());
        switch (symbol)
        {
            case "+":
                return a + b;
            case "-":
                return a - b;
            case "*":
                return a * b;
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
