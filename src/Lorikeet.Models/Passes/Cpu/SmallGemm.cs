using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>An operand of a small GEMM; rows or columns may follow each other, so it can be read transposed.</summary>
internal readonly unsafe struct Operand(float* first, int rowStep, int columnStep)
{
    public readonly float* First = first;
    public readonly int RowStep = rowStep;
    public readonly int ColumnStep = columnStep;

    /// <summary>The transposed operand.</summary>
    public Operand Transposed => new(First, ColumnStep, RowStep);
}

/// <summary>Small float32 GEMMs of blocks that fit into the cache, of which attention is made.</summary>
internal static unsafe class SmallGemm
{
    /// <summary>Result columns are computed this many at a time; buffers are that wide or wider.</summary>
    public const int Width = 2 * Row.Lanes;

    private const int Height = 4;

    /// <summary>The next multiple of <see cref="Width"/>.</summary>
    public static int Padded(int columns) => (columns + Width - 1) / Width * Width;

    /// <summary>c = a b, or c += a b.</summary>
    /// <param name="a">[rows, depth].</param>
    /// <param name="b">[depth, columns], row-major with <paramref name="bPitch"/> between rows.</param>
    /// <param name="bPitch">Elements from one row of b to the next.</param>
    /// <param name="c">[rows, columns].</param>
    /// <param name="cPitch">Elements from one row of c to the next.</param>
    /// <param name="rows">Rows of a and c.</param>
    /// <param name="depth">Columns of a, rows of b.</param>
    /// <param name="columns">A multiple of <see cref="Width"/>.</param>
    /// <param name="adds">Whether the product is added to c.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(
        Operand a, float* b, int bPitch, float* c, int cPitch, int rows, int depth, int columns, bool adds)
    {
        for (var row = 0; row < rows; row += Height)
        {
            for (var column = 0; column < columns; column += Width)
            {
                Tile(a.First + (long)row * a.RowStep, a, b + column, bPitch,
                    c + (long)row * cPitch + column, cPitch, Math.Min(Height, rows - row), depth, adds);
            }
        }
    }

    /// <summary>Four rows by two vectors in registers; missing rows repeat the last and are not stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile(
        float* a0, Operand a, float* b, int bPitch, float* c, int cPitch, int rows, int depth, bool adds)
    {
        var a1 = rows > 1 ? a0 + a.RowStep : a0;
        var a2 = rows > 2 ? a1 + a.RowStep : a1;
        var a3 = rows > 3 ? a2 + a.RowStep : a2;
        Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default;
        Vector512<float> c20 = default, c21 = default, c30 = default, c31 = default;
        for (long k = 0, step = 0; k < depth; k++, step += a.ColumnStep, b += bPitch)
        {
            var (b0, b1) = (Vector512.Load(b), Vector512.Load(b + Row.Lanes));
            var x0 = Vector512.Create(a0[step]);
            c00 = Vector512.FusedMultiplyAdd(x0, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(x0, b1, c01);
            var x1 = Vector512.Create(a1[step]);
            c10 = Vector512.FusedMultiplyAdd(x1, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(x1, b1, c11);
            var x2 = Vector512.Create(a2[step]);
            c20 = Vector512.FusedMultiplyAdd(x2, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(x2, b1, c21);
            var x3 = Vector512.Create(a3[step]);
            c30 = Vector512.FusedMultiplyAdd(x3, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(x3, b1, c31);
        }

        Store(c, c00, c01, adds);
        if (rows > 1)
            Store(c + cPitch, c10, c11, adds);
        if (rows > 2)
            Store(c + 2 * cPitch, c20, c21, adds);
        if (rows > 3)
            Store(c + 3 * cPitch, c30, c31, adds);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* c, Vector512<float> first, Vector512<float> second, bool adds)
    {
        if (adds)
        {
            first += Vector512.Load(c);
            second += Vector512.Load(c + Row.Lanes);
        }

        first.Store(c);
        second.Store(c + Row.Lanes);
    }
}
