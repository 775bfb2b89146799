using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>What an adapter adds to one row at one projection: s · B u.</summary>
/// <typeparam name="T">The compute type.</typeparam>
internal unsafe struct RowFactor<T> where T : unmanaged, IElement<T>
{
    public T* B; // in tiles of outputs, [tiles, Rank, Row.Lanes], the scale included
    public float* Hidden; // u = A x, [Rank]
    public int Rank; // 0: the row has no adapter here

    /// <summary>The part of some outputs.</summary>
    /// <param name="output">The first, a multiple of <see cref="Row.Lanes"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly Vector512<float> Of(int output)
    {
        var b = B + (long)output * Rank;
        var (sum0, sum1) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var i = 0;
        for (; i < Rank - 1; i += 2, b += 2 * Row.Lanes)
        {
            sum0 = Vector512.FusedMultiplyAdd(Vector512.Create(Hidden[i]), T.Load(b), sum0);
            sum1 = Vector512.FusedMultiplyAdd(Vector512.Create(Hidden[i + 1]), T.Load(b + Row.Lanes), sum1);
        }

        return i < Rank ? Vector512.FusedMultiplyAdd(Vector512.Create(Hidden[i]), T.Load(b), sum0 + sum1) : sum0 + sum1;
    }
}
