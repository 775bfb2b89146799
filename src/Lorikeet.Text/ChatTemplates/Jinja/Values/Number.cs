using System.Numerics;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>An int (of any size) or a float; True and False count as 1 and 0.</summary>
internal readonly record struct Number(BigInteger Integer, double? Real)
{
    public bool IsInteger => Real is null;

    public static bool TryFrom(object value, out Number number)
    {
        number = value switch
        {
            bool flag => new Number(flag ? 1 : 0, null),
            BigInteger integer => new Number(integer, null),
            double real => new Number(0, real),
            _ => default,
        };
        return value is bool or BigInteger or double;
    }

    public double ToDouble() => Real ?? (double)Integer;

    public int CompareTo(Number other)
    {
        if (IsInteger && other.IsInteger)
            return Integer.CompareTo(other.Integer);
        return ToDouble().CompareTo(other.ToDouble());
    }
}
