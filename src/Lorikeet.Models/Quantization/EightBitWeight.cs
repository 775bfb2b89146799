using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// A frozen matrix in 8-bit integers with one scale per row, as bitsandbytes stores it (LLM.int8, arXiv 2208.07339).
/// </summary>
/// <param name="codes">[rows, columns], int8; the weight owns it.</param>
/// <param name="scales">Largest magnitude of each row, float32 [rows] (SCB); the weight owns it.</param>
/// <param name="threshold">Magnitude from which an activation is an outlier (llm_int8_threshold); 0 for none.</param>
internal sealed unsafe class EightBitWeight(
    Tensor codes, Tensor scales, double threshold = EightBitWeight.DefaultThreshold)
    : FrozenWeight
{
    /// <summary>The threshold of the paper, and bitsandbytes' default.</summary>
    public const double DefaultThreshold = 6;

    public Tensor Codes { get; } = codes;

    public Tensor Scales { get; } = scales;

    public override long Rows => Codes.shape[0];

    public override long Columns => Codes.shape[1];

    public override long ByteCount => Codes.NumberOfElements + Scales.NumberOfElements * sizeof(float);

    public override Device Device => Codes.device;

    public override string Format => "int8";

    /// <summary>
    /// Quantizes a matrix [rows, columns] of any float type on its device; the matrix stays the caller's.
    /// </summary>
    public static EightBitWeight Quantize(Tensor dense, double threshold = DefaultThreshold)
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
            codes.to(dense.device).DetachFromDisposeScope(), scales.to(dense.device)
                .DetachFromDisposeScope(), threshold);
    }

    /// <summary>
    /// The GEMM of LLM.int8, x Wᵀ: each row of x is rounded to 8 bits as the weight is, apart from the columns that
    /// hold an outlier in any row, which are multiplied as they are.
    /// </summary>
    /// <remarks>
    /// As MatMul8bitLt.forward of bitsandbytes, whose backward pass too multiplies by the dequantized weight. Which
    /// columns hold outliers depends on all rows of x, so rows computed together differ slightly from rows computed
    /// alone. Products of codes are whole numbers, which float32 sums without error up to 2^24.
    /// </remarks>
    public override Tensor Multiply(Tensor x)
    {
        using var scope = NewDisposeScope();
        var rows = x.reshape(-1, Columns).to_type(ScalarType.Float16).to_type(ScalarType.Float32); // [tokens, columns]
        var isOutlier = threshold > 0 ? rows.abs().AtLeast(threshold) : zeros_like(rows, ScalarType.Bool);
        var ordinary = rows.FilledWhere(isOutlier, 0);
        var largest = ordinary.abs().amax([1], keepdim: true); // [tokens, 1]
        var outliers = isOutlier.any(0); // [columns]
        var rounded = (ordinary * largest.ClampedFrom(1e-30).reciprocal().Times(127)).round().FilledWhere(outliers, 0);
        var y = nn.functional.linear(rounded, Codes.to_type(ScalarType.Float32)); // [tokens, rows]
        y = (y * largest.Times(EightBitKernels.Inverse127) * Scales.Times(EightBitKernels.Inverse127)).to_type(x.dtype);

        var columns = outliers.nonzero().flatten();
        if (columns.NumberOfElements > 0)
        {
            var found = x.reshape(-1, Columns).index_select(1, columns); // [tokens, outliers]
            y = y.Plus(nn.functional.linear(found, Dequantized(columns).to_type(x.dtype)));
        }

        return y.view([.. x.shape[..^1], Rows]).MoveToOuterDisposeScope();
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
            case ScalarType.Float32:
                EightBitKernels.Dequantize(codes, scales, Rows, (int)Columns, (float*)start);
                break;
            case ScalarType.BFloat16:
                EightBitKernels.Dequantize(codes, scales, Rows, (int)Columns, (ushort*)start);
                break;
            case ScalarType.Float16:
                EightBitKernels.Dequantize(codes, scales, Rows, (int)Columns, (Half*)start);
                break;
            default:
                throw new ArgumentException("float32, bfloat16 or float16 was expected.", nameof(target));
        }
    }

    public override void Dispose()
    {
        Codes.Dispose();
        Scales.Dispose();
    }

    /// <summary>The matrix in float32, by tensor operations, for devices that have no kernel of their own.</summary>
    /// <param name="columns">Indices of the columns to take; null for all.</param>
    internal Tensor Dequantized(Tensor? columns = null)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var codes = columns is null ? Codes : Codes.index_select(1, columns);
        return (codes.to_type(ScalarType.Float32) * Scales.unsqueeze(1)) // [rows, columns] ⊙ [rows, 1]
           .Times(EightBitKernels.Inverse127)
            .MoveToOuterDisposeScope();
    }
}
