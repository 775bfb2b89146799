using Lorikeet.Models.Native.Cuda;
using static Lorikeet.Models.Native.Cuda.AttentionCalls;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>Handles that libtorch returned, as tensors of ours.</summary>
internal static unsafe class Heads
{
    /// <summary>Takes ownership of a handle; no dispose scope does.</summary>
    public static Tensor Own(nint handle) => Tensor.UnsafeCreateTensor(handle).DetachFromDisposeScope();

    /// <summary>A matrix on the same memory, contiguous.</summary>
    public static Matrix Reshape(nint tensor, long rows, long columns)
    {
        var sizes = stackalloc long[] { rows, columns };
        var strides = stackalloc long[] { columns, 1 };
        nint matrix;
        if (aoti_torch__reinterpret_tensor(tensor, 2, sizes, strides, 0, &matrix) != 0)
            throw new InvalidOperationException(
                "libtorch refused a view of attention's result; it wrote the reason to stderr.");
        return new Matrix(Own(matrix));
    }
}
