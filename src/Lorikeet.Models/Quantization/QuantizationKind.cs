namespace Lorikeet.Models.Quantization;

/// <summary>Stored forms of a frozen weight.</summary>
public enum QuantizationKind
{
    /// <summary>As loaded, in the compute type.</summary>
    None,

    /// <summary>4-bit NormalFloat (arXiv 2305.14314).</summary>
    Nf4,

    /// <summary>4-bit float as in bitsandbytes.</summary>
    Fp4,

    /// <summary>8-bit integers with one scale per row (arXiv 2208.07339).</summary>
    Int8,

    /// <summary>8-bit floating point (E4M3) with one scale per row, multiplied in FP8.</summary>
    Fp8,
}
