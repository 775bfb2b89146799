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
    public float* LoraHidden; // A x of all adapters, [rows, LoraPitch]
    public int LoraPitch;
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
        var sums = stackalloc float[2 * X.Count * Tile];
        var second = sums + X.Count * Tile;
        for (var tile = start; tile < end; tile++)
        {
            var (part, first) = Locate(tile);
            Compute(ref All[part], first, sums);
            if (IsGated)
                Compute(ref All[1], first, second);
            for (var x = 0; x < XRows; x++)
            {
                var values = Vector512.Load(sums + x * Tile);
                if (IsGated)
                    values = T.Round(SwiGluWork<T>.Sigmoid(values) * values) * Vector512.Load(second + x * Tile);
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
    private readonly void Compute(ref GemvPart<T, TRows> part, int first, float* sums)
    {
        var count = Math.Min(Tile, part.Rows - first);
        if (XRows == 1)
        {
            for (var i = 0; i < count; i++)
                sums[i] = part.Weight.Dot(first + i, X[0]);
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
            if (part.Rank > 0)
                values += Adapted(ref part, first, count, x);
            (IsWide ? values : T.Round(values)).Store(sums);
        }
    }

    /// <summary>
    /// Segment by segment, so that a segment of all rows x stays in the first-level cache for the whole tile.
    /// </summary>
    [SkipLocalsInit]
    private readonly void ComputeSeveral(ref TRows weight, int first, int count, float* sums)
    {
        var scratch = stackalloc float[IWeightRows.Segment];
        new Span<float>(sums, X.Count * Tile).Clear();
        for (var column = 0; column < Columns; column += IWeightRows.Segment)
        {
            var width = Math.Min(IWeightRows.Segment, Columns - column);
            for (var i = 0; i < count; i++)
                weight.AddDotProducts(first + i, column, width, X, scratch, sums + i);
        }
    }

    /// <summary>The adapter's part: B, its scale included, times A x.</summary>
    private readonly Vector512<float> Adapted(ref GemvPart<T, TRows> part, int first, int count, int x)
    {
        var sums = stackalloc float[Tile];
        var loraHidden = (FloatElement*)LoraHidden + (long)x * LoraPitch + part.FirstRank;
        for (var i = 0; i < count; i++)
        {
            var factor = part.Factor + (long)(first + i) * part.FactorPitch;
            var sum = Vector512<float>.Zero;
            for (var rank = 0; rank < part.Rank; rank += Row.Lanes)
                sum = Vector512.FusedMultiplyAdd(
                    Row.Load(factor + rank, part.Rank - rank), Row.Load(loraHidden + rank, part.Rank - rank), sum);
            sums[i] = Vectors.Sum(sum);
        }

        return Vector512.Load(sums);
    }
}

/// <summary>loraHidden = x Aᵀ: a row of the range is one of all ranks.</summary>
internal readonly unsafe struct ProjectDownWork<T>(Rows<T> factors, Rows<T> x, int rows, float* loraHidden, int pitch)
    : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _factors = factors;
    private readonly Rows<T> _x = x;
    private readonly int _rows = rows;
    private readonly float* _loraHidden = loraHidden;
    private readonly int _pitch = pitch;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var rank = start; rank < end; rank++)
        {
            var factor = _factors[rank];
            for (var row = 0; row < _rows; row++)
            {
                var x = _x[row];
                var sum = Vector512<float>.Zero;
                for (var i = 0; i < _x.Columns; i += Row.Lanes)
                    sum = Vector512.FusedMultiplyAdd(
                        Row.Load(factor + i, _x.Columns - i), Row.Load(x + i, _x.Columns - i), sum);
                _loraHidden[(long)row * _pitch + rank] = Vectors.Sum(sum);
            }
        }
    }
}

/// <summary>x to float32, and then into the form that a weight takes; a row of the range is one of x.</summary>
internal unsafe struct ArrangeWork<T, TRows>(Rows<T> x, TRows weight, ArrangedVectors target) : IRangeWork
    where T : unmanaged, IElement<T>
    where TRows : unmanaged, IWeightRows
{
    private readonly Rows<T> _x = x;
    private TRows _weight = weight;
    private readonly ArrangedVectors _target = target;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            var from = _x[row];
            var to = _target[row];
            for (var i = 0; i < _x.Columns; i += Row.Lanes)
                Row.Load(from + i, _x.Columns - i).Store(to + i);
            _weight.Arrange(to);
        }
    }
}
