using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>The attributes and methods of numbers.</summary>
internal static class NumberMethods
{
    public static object? Find(Number number, string name) => name switch
    {
        "real" when number.IsInteger => number.Integer,
        "real" => number.ToDouble(),
        "imag" when number.IsInteger => BigInteger.Zero,
        "imag" => 0.0,
        "numerator" when number.IsInteger => number.Integer,
        "denominator" when number.IsInteger => BigInteger.One,
        "is_integer" => new NativeFunction(name, _ => number.IsInteger || double.IsInteger(number.ToDouble())),
        "bit_length" when number.IsInteger =>
            new NativeFunction(name, _ => new BigInteger(BigInteger.Abs(number.Integer).GetBitLength())),
        _ => null,
    };
}
