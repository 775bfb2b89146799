using Lorikeet.Models.Quantization;

namespace Lorikeet;

/// <summary>
/// Common ways to store the frozen weights of a model; <see cref="QuantizationOptions"/> has all settings.
/// </summary>
public static class Quantization
{
    /// <summary>The types of the checkpoint: nothing is quantized.</summary>
    public static QuantizationOptions None { get; } = new();

    /// <summary>
    /// 4-bit NormalFloat with double quantization, 4.13 bits a weight: what QLoRA trains on (arXiv 2305.14314).
    /// </summary>
    public static QuantizationOptions Nf4 { get; } = new() { LoadIn4Bit = true };

    /// <summary>4-bit floats (a sign, two bits of exponent, one of fraction) with double quantization.</summary>
    public static QuantizationOptions Fp4 { get; } = new() { LoadIn4Bit = true, QuantType = FourBitType.Fp4 };

    /// <summary>
    /// 8-bit integers with a scale per row, outliers of the activations in 16 bits (arXiv 2208.07339).
    /// </summary>
    public static QuantizationOptions Int8 { get; } = new() { LoadIn8Bit = true };

    /// <summary>
    /// 8-bit floats (E4M3) with a scale per row, in which training multiplies as well: for an H100 or H200.
    /// </summary>
    public static QuantizationOptions Fp8 { get; } = new() { Fp8 = true };
}
