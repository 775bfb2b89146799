using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// y = x Wᵀ + bias + adapters for a few rows x, in tiles of as many rows of W as a vector has lanes. Every weight comes
/// from memory once, whatever the number of rows x.
/// </summary>
/// <typeparam name="T">The compute type.</typeparam>
/// <typeparam name="TRows">How weights are stored.</typeparam>
internal unsafe struct GemvWork<T, TRows> : IRangeWork
    where T : unmanaged, IElement<T>
    where TRows : unmanaged, IWeightRows
{
    private const int Tile = Row.Lanes;

    public GemvPart<T, TRows>.Parts All;
    public int Count;
    public bool IsGated; // gate and up, and y is silu(gate) ⊙ up
    public int Columns;
    public ArrangedVectors X;
    public int XRows;
    public RowFactor<T>* Factors; // [parts, XRows], or null
    public byte* Y; // in the compute type or float32
    public int YPitch;
    public bool IsWide; // y is float32

    /// <summary>Tiles of all parts.</summary>
    public readonly int Tiles
    {
        get
        {
            if (IsGated)
                return TilesOf(All[0].Rows);
            var tiles = 0;
            for (var i = 0; i < Count; i++)
                tiles += TilesOf(All[i].Rows);
            return tiles;
        }
    }

    public void Run(int start, int end)
    {
        var room = stackalloc float[2 * X.Count * Tile + Row.Lanes];
        var sums = Vectors.Align(room);
        var second = sums + X.Count * Tile;
        for (var tile = start; tile < end; tile++)
        {
            var (part, first) = Locate(tile);
            Compute(part, first, sums);
            if (IsGated)
                Compute(1, first, second);
            for (var x = 0; x < XRows; x++)
            {
                var values = Vector512.Load(sums + x * Tile);
                if (IsGated)
                    values = T.Round(Silu.Sigmoid(values) * values) * Vector512.Load(second + x * Tile);
                Store(values, x, All[part].FirstRow + first, All[part].Rows - first);
            }
        }
    }

    private static int TilesOf(int rows) => (rows + Tile - 1) / Tile;

    private readonly (int Part, int FirstRow) Locate(int tile)
    {
        var part = 0;
        for (; !IsGated && tile >= TilesOf(All[part].Rows); part++)
            tile -= TilesOf(All[part].Rows);
        return (part, tile * Tile);
    }

    private readonly void Store(Vector512<float> values, int row, int column, int left)
    {
        if (IsWide)
            Row.Store((FloatElement*)Y + (long)row * YPitch + column, left, values);
        else
            Row.Store((T*)Y + (long)row * YPitch + column, left, values);
    }

    /// <summary>
    /// A tile of one part, [rows of x, Tile], rounded as the reference rounds what a projection gives.
    /// </summary>
    private void Compute(int index, int first, float* sums)
    {
        ref var part = ref All[index];
        var count = Math.Min(Tile, part.Rows - first);
        if (XRows == 1)
        {
            part.Weight.Dot(first, count, X[0], sums);
        }
        else
        {
            ComputeSeveral(ref part.Weight, first, count, sums);
        }

        for (var x = 0; x < XRows; x++, sums += Tile)
        {
            var values = Vector512.Load(sums);
            if (!IsWide)
                values = T.Round(values);
            if (part.Bias is not null)
                values += Row.Load(part.Bias + first, part.Rows - first);
            if (Factors is not null && Factors[index * XRows + x] is { Rank: > 0 } factor)
                values += factor.Of(first);
            (IsWide ? values : T.Round(values)).Store(sums);
        }
    }

    /// <summary>Segment by segment, where weights are decoded before they are multiplied.</summary>
    private readonly void ComputeSeveral(ref TRows weight, int first, int count, float* sums)
    {
        new Span<float>(sums, X.Count * Tile).Clear();
        for (int column = 0, width; column < Columns; column += width)
        {
            width = Math.Min(TRows.Segment, Columns - column);
            weight.AddDotProducts(first, count, column, width, X, sums);
        }
    }
}
