using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Conversion;

/// <summary>How the weights of an exported model are stored.</summary>
public enum GgufOutType
{
    /// <summary>The type of the model, in 16 bits.</summary>
    Auto,

    /// <summary>IEEE single precision.</summary>
    [WireName("f32", "float32", "fp32")] F32,

    /// <summary>IEEE half precision.</summary>
    [WireName("f16", "float16", "fp16")] F16,

    /// <summary>bfloat16.</summary>
    [WireName("bf16", "bfloat16")] BF16,

    /// <summary>8 bits and a scale for 32 elements.</summary>
    [WireName("q8_0")] Q8_0,

    /// <summary>4 bits and a scale for 32 elements.</summary>
    [WireName("q4_0")] Q4_0,

    /// <summary>Mostly Q4_K: 4 bits, scales and minima of 6 bits for 32 elements; some matrices in Q6_K.</summary>
    [WireName("q4_k_m")] Q4_K_M,
}
