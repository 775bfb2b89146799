using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>A matrix [rows, columns] that training never moves, in whatever form it is stored.</summary>
internal abstract class FrozenWeight : IDisposable
{
    /// <summary>Output features.</summary>
    public abstract long Rows { get; }

    /// <summary>Input features.</summary>
    public abstract long Columns { get; }

    /// <summary>Bytes it occupies on its device.</summary>
    public abstract long ByteCount { get; }

    /// <summary>The device that holds it.</summary>
    public abstract Device Device { get; }

    /// <summary>How it is stored, for display: "bfloat16", "nf4+dq", ...</summary>
    public abstract string Format { get; }

    /// <summary>
    /// The matrix in <paramref name="type"/>, ready for a GEMM, perhaps an alias; the caller disposes it.
    /// </summary>
    public virtual Tensor Materialize(ScalarType type) => Copy(type);

    /// <summary>
    /// A copy of the matrix in <paramref name="type"/>, [rows, columns], which may be written to; the caller owns it.
    /// </summary>
    public Tensor Copy(ScalarType type)
    {
        var dense = empty([Rows, Columns], type, Device);
        if (Device.type != DeviceType.META)
            CopyTo(dense); // what has no memory has no numbers
        return dense;
    }

    /// <summary>x Wᵀ without gradients: x [..., columns] to [..., rows], in the type of x.</summary>
    public virtual Tensor Multiply(Tensor x)
    {
        using var dense = Materialize(x.dtype);
        return nn.functional.linear(x, dense);
    }

    /// <summary>
    /// dy W, the gradient of <see cref="Multiply"/>: dy [..., rows] to [..., columns], in the type of dy.
    /// </summary>
    public virtual Tensor MultiplyTransposed(Tensor dy)
    {
        using var dense = Materialize(dy.dtype);
        return dy.matmul(dense);
    }

    /// <summary>
    /// Writes the matrix into a contiguous tensor [rows, columns] of a float type on its device. Reusing one target
    /// saves the allocation, which on the CPU costs more than the dequantization.
    /// </summary>
    public abstract void CopyTo(Tensor target);

    /// <summary>
    /// Continues with the same numbers in other memory: every tensor that takes much of it is replaced by the copy that
    /// <paramref name="copy"/> makes, and disposed. False where this form cannot be moved.
    /// </summary>
    public virtual bool Move(Func<Tensor, Tensor> copy) => false;

    /// <inheritdoc/>
    public abstract void Dispose();
}
