using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Some ranks of an adapter and some rows that are read with it.</summary>
internal unsafe struct ProjectDownPart<T> where T : unmanaged, IElement<T>
{
    public const int MostRanks = 4, MostRows = 16;

    public T* A; // [Ranks, Pitch]
    public int Pitch;
    public int Ranks;
    public int Row; // the first of x and u
    public int Rows;
    public int Rank; // the first of u
}

/// <summary>u = x Aᵀ, with each row's own A; a row of the range is a part.</summary>
internal readonly unsafe struct ProjectDownWork<T>(ProjectDownPart<T>* parts, Rows<T> x, float* hidden, int pitch)
    : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly ProjectDownPart<T>* _parts = parts;
    private readonly Rows<T> _x = x;
    private readonly float* _hidden = hidden;
    private readonly int _pitch = pitch;

    public void Run(int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            ref var part = ref _parts[i];
            for (var row = part.Row; row < part.Row + part.Rows; row++)
                Project(ref part, _x[row], _hidden + (long)row * _pitch + part.Rank);
        }
    }

    /// <summary>Four ranks at once, the last again where there are fewer: x is read once for them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Project(ref ProjectDownPart<T> part, T* x, float* hidden)
    {
        T* a0 = part.A, a1 = part.Ranks > 1 ? a0 + part.Pitch : a0;
        T* a2 = part.Ranks > 2 ? a1 + part.Pitch : a1, a3 = part.Ranks > 3 ? a2 + part.Pitch : a2;
        var (sum0, sum1) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (sum2, sum3) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (var i = 0; i < _x.Columns; i += Row.Lanes)
        {
            var left = _x.Columns - i;
            var values = Row.Load(x + i, left);
            sum0 = Vector512.FusedMultiplyAdd(Row.Load(a0 + i, left), values, sum0);
            sum1 = Vector512.FusedMultiplyAdd(Row.Load(a1 + i, left), values, sum1);
            sum2 = Vector512.FusedMultiplyAdd(Row.Load(a2 + i, left), values, sum2);
            sum3 = Vector512.FusedMultiplyAdd(Row.Load(a3 + i, left), values, sum3);
        }

        hidden[0] = Vectors.Sum(sum0);
        if (part.Ranks > 1)
            hidden[1] = Vectors.Sum(sum1);
        if (part.Ranks > 2)
            hidden[2] = Vectors.Sum(sum2);
        if (part.Ranks > 3)
            hidden[3] = Vectors.Sum(sum3);
    }
}
