using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Products with weights in FP8 (Float8Weight.cs), on one kind of device.</summary>
internal interface IFloat8Products : IDisposable
{
    /// <summary>Has the kernel that writes a matrix next write its rows in FP8 too, if it can.</summary>
    /// <param name="matrix">The input, or output's gradient, of the product that comes next.</param>
    /// <param name="columnScales">float32 [columns] to multiply by first; null for none.</param>
    void Expect(Matrix matrix, Tensor? columnScales);

    /// <summary>y = x̃ Wᵀ, x̃ being x rounded to FP8 row by row.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="weight">The weights.</param>
    /// <param name="y">[tokens, out].</param>
    /// <param name="adds">Whether to add to what y has.</param>
    void Multiply(Matrix x, Float8Operand weight, Matrix y, bool adds);

    /// <summary>dx = (dy ⊙ s)~ C, with C the codes of W and s its scales.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="weight">The weights.</param>
    /// <param name="dx">[tokens, in].</param>
    /// <param name="adds">Whether to add to what dx has.</param>
    void MultiplyTransposed(Matrix dy, Float8Operand weight, Matrix dx, bool adds);
}

/// <summary>Weights in FP8 as their products take them.</summary>
/// <param name="Forward">Codes [out, in] and their scales [out].</param>
/// <param name="Backward">The same codes as [in, out], with scales of one [in].</param>
internal sealed record Float8Operand(Float8Rows Forward, Float8Rows Backward) : IDisposable
{
    public void Dispose()
    {
        Forward.Dispose();
        Backward.Dispose();
    }
}
