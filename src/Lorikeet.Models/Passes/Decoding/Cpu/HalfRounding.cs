using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>float16, from which the weights of some checkpoints were quantized.</summary>
internal readonly struct HalfRounding : IRounding
{
    public static Vector512<float> Round(Vector512<float> values) =>
        Vector512.Create(Round(values.GetLower()), Round(values.GetUpper()));

    private static Vector256<float> Round(Vector256<float> values) => HalfPrecision.Widen(HalfPrecision.Round(values));
}
