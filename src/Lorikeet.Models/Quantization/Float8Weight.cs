// A frozen weight in FP8 whose products are FP8 too. With C the codes of W and s its scales of rows, W = diag(s) C:
//
//     forward     y  = (codes of x) Cᵀ, times the scale of x's row and of W's row
//     backward    dx = (codes of dy ⊙ s) C, times the scale of that row
//
// x is quantized row by row when it is multiplied, and so is dy once the scales of W's rows are in it: they lie along
// the sum of the backward product, which can have no scales inside. Both products are of one and the same W.
using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// A frozen matrix in FP8 (E4M3) with one scale a row, whose products round their other operand to FP8 as well. Takes
/// ownership of <paramref name="rows"/>. What is here multiplies in float32 and is the reference on every device.
/// </summary>
internal sealed class Float8Weight(Float8Rows rows) : FrozenWeight
{
    /// <summary>What GEMMs in FP8 want rows and columns to be multiples of.</summary>
    public const int Multiple = 16;

    /// <summary>E4M3 [rows, columns], as bytes.</summary>
    public Tensor Codes { get; private set; } = rows.Codes;

    /// <summary>float32 [rows].</summary>
    public Tensor Scales { get; private set; } = rows.Scales;

    public override long Rows => Codes.shape[0];

    public override long Columns => Codes.shape[1];

    public override long ByteCount => Codes.NumberOfElements + Scales.NumberOfElements * sizeof(float);

    public override Device Device => Codes.device;

    public override string Format => "fp8";

    /// <summary>Whether a matrix of this shape can be multiplied in FP8; others stay in the compute type.</summary>
    public static bool Fits(long rows, long columns) => rows % Multiple == 0 && columns % Multiple == 0;

    /// <summary>Quantizes a matrix of any float type on its device; it stays the caller's.</summary>
    public static Float8Weight Quantize(Tensor dense) => new(Float8Rows.Of(dense));

    /// <summary>Continues with the same numbers in other memory, of which it takes ownership.</summary>
    public void MoveTo(Tensor codes, Tensor scales)
    {
        Dispose();
        (Codes, Scales) = (codes.DetachFromDisposeScope(), scales.DetachFromDisposeScope());
    }

    public override Tensor Multiply(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var rounded = Float8Rows.Of(x.reshape(-1, Columns));
        var y = nn.functional.linear(rounded.Dequantize(), Dequantized()); // [tokens, rows]
        return y.to_type(x.dtype).view([.. x.shape[..^1], Rows]).MoveToOuterDisposeScope();
    }

    public override Tensor MultiplyTransposed(Tensor dy)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var rounded = Float8Rows.Of(dy.reshape(-1, Rows), Scales);
        var dx = rounded.Dequantize().matmul(Float8Rows.Numbers(Codes)); // [tokens, columns]
        return dx.to_type(dy.dtype).view([.. dy.shape[..^1], Columns]).MoveToOuterDisposeScope();
    }

    public override void CopyTo(Tensor target)
    {
        using var dense = Dequantized();
        target.copy_(dense);
    }

    public override void Dispose()
    {
        Codes.Dispose();
        Scales.Dispose();
    }

    private Tensor Dequantized()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        return (Float8Rows.Numbers(Codes) * Scales.unsqueeze(1)).MoveToOuterDisposeScope();
    }
}
