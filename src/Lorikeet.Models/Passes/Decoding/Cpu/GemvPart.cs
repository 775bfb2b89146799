using System.Runtime.CompilerServices;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>One projection of a fused GEMV, as other threads read it.</summary>
/// <typeparam name="T">The compute type.</typeparam>
/// <typeparam name="TRows">How the weight is stored.</typeparam>
internal unsafe struct GemvPart<T, TRows>
    where T : unmanaged, IElement<T>
    where TRows : unmanaged, IWeightRows
{
    public TRows Weight;
    public T* Bias; // or null
    public int Rows;
    public int FirstRow; // where its rows begin in y

    /// <summary>Query, key and value; gate and up; or one.</summary>
    [InlineArray(3)]
    internal struct Parts
    {
        private GemvPart<T, TRows> _first;
    }
}
