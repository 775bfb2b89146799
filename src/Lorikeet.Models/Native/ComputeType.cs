using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Native;

/// <summary>Floating-point types a model computes in.</summary>
public enum ComputeType
{
    /// <summary>The fastest type the device computes natively.</summary>
    Auto,

    /// <summary>IEEE single precision.</summary>
    [WireName("float32", "fp32", "float", "torch.float32")] Float32,

    /// <summary>8 bits of exponent, 7 of fraction.</summary>
    [WireName("bfloat16", "bf16", "torch.bfloat16")] BFloat16,

    /// <summary>IEEE half precision.</summary>
    [WireName("float16", "fp16", "half", "torch.float16")] Float16,
}
