using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native;

/// <summary>Chooses the type a model computes in.</summary>
internal static class NativeTypes
{
    /// <summary>The torch type of <c>torch_dtype</c>.</summary>
    /// <param name="wanted">
    /// What the user asks for. Auto keeps a float32 checkpoint in float32, as transformers does; other checkpoints
    /// compute in bfloat16 where the device multiplies it natively, else in float32.
    /// </param>
    /// <param name="stored">The checkpoint's own type (<c>torch_dtype</c> of config.json).</param>
    /// <param name="device">Where the model goes.</param>
    /// <param name="decodesFewRows">
    /// Whether the model answers a few prompts at a time: then the bytes of the weights decide how fast it is, on a
    /// processor with AVX2 as on one that multiplies bfloat16.
    /// </param>
    public static ScalarType Resolve(
        ComputeType wanted, string? stored, Device device, bool decodesFewRows = false) => wanted switch
        {
            ComputeType.Float32 => ScalarType.Float32,
            ComputeType.BFloat16 => ScalarType.BFloat16,
            ComputeType.Float16 => ScalarType.Float16,
            _ when stored is "float32" => ScalarType.Float32,
            _ when device.type == DeviceType.CUDA || ProcessorFeatures.HasNativeBFloat16 => ScalarType.BFloat16,
            _ => decodesFewRows && Avx2.IsSupported ? ScalarType.BFloat16 : ScalarType.Float32,
        };

    /// <summary>Bytes of an element of a type that weights have.</summary>
    public static int SizeOf(ScalarType type) => type == ScalarType.Float32 ? sizeof(float) : sizeof(ushort);

    /// <summary>The torch type of a name in config.json; null for none, or one that weights do not have.</summary>
    public static ScalarType? Parse(string? name) => name switch
    {
        "float32" => ScalarType.Float32,
        "bfloat16" => ScalarType.BFloat16,
        "float16" => ScalarType.Float16,
        _ => null,
    };
}
