using System.Numerics;
using System.Runtime.InteropServices;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>Norms of queries and keys as kernels take them (<c>HeadNorms</c> in HeadNorms.cu).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly unsafe struct HeadNormsView(HeadNorms norms, AttentionShape shape, float epsilon, int width)
{
    /// <summary>Query and key heads together, at most: their sums lie in shared memory.</summary>
    public const int MostHeads = 512;

    private const int WarpSize = 32;

    private readonly nint _query = (nint)TensorMemory.Address(norms.Query);
    private readonly nint _key = (nint)TensorMemory.Address(norms.Key);
    private readonly int _isFloat = norms.Query.dtype == ScalarType.Float32 ? 1 : 0;
    private readonly int _spans = norms.Query.shape[0] == shape.HeadSize ? 0 : 1;
    private readonly int _lanes = (int)Math.Min(
        WarpSize, BitOperations.RoundUpToPowerOf2((uint)(shape.HeadSize / 2 / width)));
    private readonly float _epsilon = epsilon;
}
