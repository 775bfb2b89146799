using Lorikeet.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Quantization;

/// <summary>
/// A frozen matrix in 8-bit integers with one scale per row, as bitsandbytes stores it (LLM.int8, arXiv 2208.07339).
/// </summary>
/// <remarks>
/// Lorikeet multiplies by the dequantized matrix in both passes. bitsandbytes does so in the backward pass only; in the
/// forward pass it also rounds the activations to 8 bits. Weights are equal, and outputs here are the more accurate ones.
/// </remarks>
/// <param name="codes">[rows, columns], int8; the weight owns it.</param>
/// <param name="scales">Largest magnitude of each row, float32 [rows] (SCB); the weight owns it.</param>
internal sealed unsafe class EightBitWeight(Tensor codes, Tensor scales) : FrozenWeight
{
    public Tensor Codes { get; } = codes;

    public Tensor Scales { get; } = scales;

    public override long Rows => Codes.shape[0];

    public override long Columns => Codes.shape[1];

    public override long ByteCount => Codes.NumberOfElements + Scales.NumberOfElements * sizeof(float);

    public override Device Device => Codes.device;

    public override string Format => "int8";

    /// <summary>Quantizes a matrix [rows, columns] of any float type on its device; the matrix stays the caller's.</summary>
    public static EightBitWeight Quantize(Tensor dense)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();

        // The reference rounds to float16 before it quantizes. Scales are exact there, so the device does not matter.
        var values = dense.detach().to_type(ScalarType.Float16).to_type(ScalarType.Float32).cpu().contiguous();
        var codes = empty(values.shape, ScalarType.Int8, CPU);
        var scales = empty([values.shape[0]], ScalarType.Float32, CPU);
        EightBitKernels.Quantize(
            (float*)TensorMemory.Pointer(values), values.shape[0], checked((int)values.shape[1]),
            (sbyte*)TensorMemory.Pointer(codes), (float*)TensorMemory.Pointer(scales));
        return new EightBitWeight(
            codes.to(dense.device).DetachFromDisposeScope(), scales.to(dense.device).DetachFromDisposeScope());
    }

    public override void CopyTo(Tensor target)
    {
        if (Device.type != DeviceType.CPU)
        {
            using var values = Dequantized();
            target.copy_(values);
            return;
        }

        var codes = (sbyte*)TensorMemory.Pointer(Codes);
        var scales = (float*)TensorMemory.Pointer(Scales);
        var start = TensorMemory.Pointer(target);
        switch (target.dtype)
        {
            case ScalarType.Float32: EightBitKernels.Dequantize(codes, scales, Rows, (int)Columns, (float*)start); break;
            case ScalarType.BFloat16: EightBitKernels.Dequantize(codes, scales, Rows, (int)Columns, (ushort*)start); break;
            case ScalarType.Float16: EightBitKernels.Dequantize(codes, scales, Rows, (int)Columns, (Half*)start); break;
            default: throw new ArgumentException("float32, bfloat16 or float16 was expected.", nameof(target));
        }
    }

    public override void Dispose()
    {
        Codes.Dispose();
        Scales.Dispose();
    }

    /// <summary>The matrix in float32, by tensor operations, for devices that have no kernel of their own.</summary>
    internal Tensor Dequantized()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return (Codes.to_type(ScalarType.Float32) * Scales.unsqueeze(1) * EightBitKernels.Inverse127).MoveToOuterDisposeScope();
    }
}
