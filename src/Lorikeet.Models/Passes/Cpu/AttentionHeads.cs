using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>The heads of a batch, where they lie, and how they move between memory and float32 blocks.</summary>
internal readonly unsafe struct AttentionHeads<T>(AttentionShape shape, HeadRotation? rotation, int* starts)
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _cosine = rotation is null ? default : new(rotation.Cosine);
    private readonly Rows<T> _sine = rotation is null ? default : new(rotation.Sine);
    private readonly int _rotarySize = shape.RotarySize;
    private readonly int* _starts = starts;

    public readonly int Heads = shape.Heads;
    public readonly int KeyValueHeads = shape.KeyValueHeads;
    public readonly int HeadSize = shape.HeadSize;
    public readonly float Scale = shape.Scale;

    /// <summary>c of c · tanh(score / c); 0 for none.</summary>
    public readonly float SoftCap = shape.SoftCap ?? 0;

    private readonly int _window = shape.Window ?? int.MaxValue;

    /// <summary>Query heads that share a key head.</summary>
    public int Group => Heads / KeyValueHeads;

    /// <summary>Width of a row of a float32 block.</summary>
    public int Padded => SmallGemm.Padded(HeadSize);

    public int Start(int segment) => _starts[segment];

    public int Length(int segment) => _starts[segment + 1] - _starts[segment];

    /// <summary>The first position that <paramref name="position"/> sees.</summary>
    public int FirstSeen(int position) => Math.Max(0, position - _window + 1);

    /// <summary>Where a head begins in a row of queries, keys and values.</summary>
    public int QueryColumn(int head) => head * HeadSize;

    public int KeyColumn(int keyHead) => (Heads + keyHead) * HeadSize;

    public int ValueColumn(int keyHead) => (Heads + KeyValueHeads + keyHead) * HeadSize;

    /// <summary>Reads one head of <paramref name="rows"/> tokens into a block [rows, <see cref="Padded"/>].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Read(Rows<T> source, int token, int rows, int column, float* block)
    {
        for (var row = 0; row < rows; row++, block += Padded)
        {
            var head = source[token + row] + column;
            for (var i = 0; i < Padded; i += Row.Lanes)
                (i < HeadSize ? Row.Load(head + i, HeadSize - i) : default).Store(block + i);
        }
    }

    /// <summary>Writes a block [rows, <see cref="Padded"/>] into one head.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Write(float* block, Rows<T> target, int token, int rows, int column)
    {
        for (var row = 0; row < rows; row++, block += Padded)
        {
            var head = target[token + row] + column;
            for (var i = 0; i < HeadSize; i += Row.Lanes)
                Row.Store(head + i, HeadSize - i, Vector512.Load(block + i));
        }
    }

    /// <summary>
    /// Rotates the rotated part of one head by its tokens' positions, or back again.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Rotate(Rows<T> matrix, int token, int rows, int column, bool backwards)
    {
        var half = _rotarySize / 2;
        for (var row = token; row < token + rows; row++)
        {
            T* first = matrix[row] + column, second = first + half;
            T* cosine = _cosine[row], sine = _sine[row];
            for (var i = 0; i < half; i += Row.Lanes)
            {
                var left = half - i;
                var (x, y) = (Row.Load(first + i, left), Row.Load(second + i, left));
                var (cos, sin) = (Row.Load(cosine + i, left), Row.Load(sine + i, left));
                if (backwards)
                    sin = -sin;
                Row.Store(first + i, left, x * cos - y * sin);
                Row.Store(second + i, left, y * cos + x * sin);
            }
        }
    }

    /// <summary>
    /// Products of queries and keys become those whose scores, s times as large, are capped: c tanh(s x / c) / s.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Cap(float* products, int columns)
    {
        var (inner, outer) = (Vector512.Create(Scale / SoftCap), Vector512.Create(SoftCap / Scale));
        for (var i = 0; i < columns; i += Row.Lanes)
            (HyperbolicTangent.Of(Vector512.Load(products + i) * inner) * outer).Store(products + i);
    }

    /// <summary>block [rows, columns] to transposed [columns, pitch]; columns beyond the rows become zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Transpose(float* block, int rows, int columns, int blockPitch, float* transposed, int pitch)
    {
        for (var column = 0; column < columns; column++)
        {
            var target = transposed + (long)column * pitch;
            for (var row = 0; row < rows; row++)
                target[row] = block[(long)row * blockPitch + column];
            for (var row = rows; row < pitch; row++)
                target[row] = 0;
        }
    }
}
