using System.Runtime.CompilerServices;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// 1/x as NVIDIA's <c>rcp.approx.ftz.f32</c> gives it. bitsandbytes is compiled with fast math, so this, and not the
/// rounded quotient, is what it scales blocks by: it is one unit in the last place off for one number in eight.
/// </summary>
/// <remarks>
/// Measured on an H200 for every x with a significand of 11 bits, which are the largest magnitudes of float16 and
/// bfloat16 weights; such weights often lie on a threshold between codes, where one unit decides. The error does not
/// depend on the exponent. For other x the result is the rounded quotient.
/// </remarks>
internal static class CudaReciprocal
{
    private const int DroppedBits = 13;
    private const int SignificandBits = 23;

    /// <summary>The error in units of the last place for the significands 1, 1 + 1/1024, 1 + 2/1024 ...</summary>
    private const string Errors =
        "......-....+..-..++.+...........-.............-.+.............-." +
        "......-......-........---..+.....++.....++.......+............--" +
        ".......-..+........++....+......-...............-..-............" +
        "...........++....+....-....-.-...++.........................+..." +
        "....+.............-............-........+.+.....++.............." +
        ".....-....................+..-.....................+............" +
        "..+........++....-.+....++.....-.+.......+.............+...-.-.." +
        ".+...++...+........+.....--......+......+.........+......+.+...." +
        ".......+++......+..+...........+...+..........-....++..........." +
        "......................................-............+............" +
        ".......++.++...............+.......++..........+............++.." +
        "....................+...+......................-................" +
        "...............-.+++.+...............+.+.....+.........+........" +
        "........................................+.+.+.+..............+.." +
        "........................+..+....+...............+.....-...-.--.." +
        ".....-..+..................++........+............-.....-.......";

    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // once a block: a model is loaded before tiering notices
    public static float Of(float x)
    {
        var bits = BitConverter.SingleToUInt32Bits(x);
        var quotient = 1 / x;
        if ((bits & ((1 << DroppedBits) - 1)) != 0 || !float.IsNormal(quotient))
            return quotient;
        var error = Errors[(int)(bits & ((1 << SignificandBits) - 1)) >> DroppedBits];
        return error switch
        {
            '+' => MathF.BitIncrement(quotient),
            '-' => MathF.BitDecrement(quotient),
            _ => quotient,
        };
    }
}
