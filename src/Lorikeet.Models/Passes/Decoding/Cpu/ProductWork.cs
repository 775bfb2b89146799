using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// What follows a GEMM of some outputs: bias, adapters and, for gate and up, the activation. A row of the range is a
/// row of x.
/// </summary>
/// <typeparam name="T">The compute type.</typeparam>
/// <typeparam name="TProduct">What the GEMM left.</typeparam>
internal unsafe struct ProductWork<T, TProduct> : IRangeWork
    where T : unmanaged, IElement<T>
    where TProduct : unmanaged, IElement<TProduct>
{
    public ProductPart<T, TProduct> First;
    public ProductPart<T, TProduct> Second; // what gates, if IsGated
    public bool IsGated;
    public int Outputs;
    public int FirstOutput; // of the projection; a multiple of Row.Lanes
    public int Column; // of y
    public byte* Y; // in the compute type or float32
    public int YPitch;
    public bool IsWide; // y is float32

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            for (var i = 0; i < Outputs; i += Row.Lanes)
            {
                var (left, place) = (Outputs - i, (long)row * YPitch + Column + i);
                var values = First.Load(row, i, FirstOutput + i, left, IsWide);
                if (IsGated)
                    values = T.Round(Silu.Sigmoid(values) * values)
                        * Second.Load(row, i, FirstOutput + i, left, IsWide);
                if (IsWide)
                    Row.Store((FloatElement*)Y + place, left, values);
                else
                    Row.Store((T*)Y + place, left, values);
            }
        }
    }
}

/// <summary>The product of one projection.</summary>
internal unsafe struct ProductPart<T, TProduct>
    where T : unmanaged, IElement<T>
    where TProduct : unmanaged, IElement<TProduct>
{
    public Rows<TProduct> Product;
    public T* Bias; // or null; of all outputs
    public RowFactor<T>* Factors; // of all rows, or null

    /// <summary>Some numbers, rounded as the reference rounds what a projection gives.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly Vector512<float> Load(int row, int column, int output, int left, bool isWide)
    {
        var values = Row.Load(Product[row] + column, left);
        if (!isWide)
            values = T.Round(values);
        if (Bias is not null)
            values += Row.Load(Bias + output, left);
        if (Factors is not null && Factors[row].Rank > 0)
            values += Factors[row].Of(output);
        return isWide ? values : T.Round(values);
    }
}
