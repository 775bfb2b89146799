// Fixed point as in FixedPointRows, with 512-bit vectors: one permutation of 16-bit words looks up 32 codes, and a word
// shifted by four bits at a time is an index as it is. So 128 codes, 64 bytes, are met nibble by nibble across 32
// words, and vectors are put in that order: eight neighbours fall into one sum of 32 bits, two units into the halves of
// a vector. Scales are decoded ahead, a row's at once.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Rows of 4-bit codes whose blocks begin where rows do, multiplied in fixed point with AVX-512.</summary>
internal readonly unsafe struct WordRows : IWeightRows
{
    private const int Unit = FourBitCodes.Unit;
    private const int Step = 2 * Unit; // codes of a vector of words
    private const int Words = 32;
    private const int Nibbles = 4; // of a word

    /// <summary>Bytes of codes that are asked for before their turn.</summary>
    private const int Ahead = 4096;

    private readonly byte* _codes;
    private readonly ScaleRows _scales;
    private readonly Vector512<ushort> _table; // the sixteen values, twice: the fifth bit of an index does not matter
    private readonly int _columns;
    private readonly int _unitsShift;

    public WordRows(FourBitWeight weight)
    {
        (_columns, _unitsShift) = ((int)weight.Columns, int.Log2(weight.BlockSize / Unit));
        _codes = TensorMemory.Pointer(weight.Packed);
        _scales = new ScaleRows(weight.Scales);
        ushort[] values = [.. weight.Values.Select(value => (ushort)FixedPointRows.WeightOf(value))];
        _table = Vector512.Create(Vector256.Create(values), Vector256.Create(values));
    }

    public float Dot(int row, float* x)
    {
        float sum;
        Dot(row, 1, x, &sum);
        return sum;
    }

    /// <summary>Two rows at once, which read x once; of an odd number, the last again.</summary>
    [SkipLocalsInit]
    public void Dot(int row, int rows, float* x, float* sums)
    {
        var units = _columns / Unit;
        var pitch = (units + 1) / 2 * 2;
        var scales = stackalloc float[2 * pitch];
        (scales[pitch - 1], scales[2 * pitch - 1]) = (0, 0); // of the half of a vector that an odd number leaves
        for (var i = 0; i < rows; i += 2)
        {
            var second = Math.Min(i + 1, rows - 1);
            Scales(row + i, 0, units, scales);
            Scales(row + second, 0, units, scales + pitch);
            Multiply(scales, x + FactorPlace, units);
            Multiply(scales + pitch, x + FactorPlace, units);
            var (sum0, sum1) = DotTwo(
                Codes(row + i, 0), Codes(row + second, 0), scales, units, _table, (short*)x);
            (sums[i], sums[second]) = (sum0, i == second ? sum0 : sum1);
        }
    }

    public static int Segment => int.MaxValue;

    [SkipLocalsInit]
    public void AddDotProducts(int row, int rows, int first, int count, ArrangedVectors x, float* sums)
    {
        var units = _columns / Unit;
        var pitch = (units + 1) / 2 * 2;
        var scales = stackalloc float[2 * pitch];
        (scales[pitch - 1], scales[2 * pitch - 1]) = (0, 0); // of the half of a vector that an odd number leaves
        for (var i = 0; i < rows; i += 2)
        {
            var second = Math.Min(i + 1, rows - 1); // of an odd number, the last again
            Scales(row + i, 0, units, scales);
            Scales(row + second, 0, units, scales + pitch);
            for (var index = 0; index < x.Count; index += ArrangedVectors.Together)
                AddTwoByFour(
                    Codes(row + i, 0), Codes(row + second, 0), scales, units, _table, x[index],
                    x[index] + SpreadPlace, x.Pitch, sums + index * Row.Lanes + i);
        }
    }

    /// <summary>
    /// To integers in the order of the codes; then, for each unit, what a product of two integers stands for; then the
    /// same as it meets the sums of two units, eight and eight.
    /// </summary>
    public void Arrange(float* x)
    {
        var units = _columns / Unit;
        var factors = stackalloc float[units + 1];
        factors[units] = 0;
        for (var i = units * Unit; i < (units + 1) / 2 * Step; i++)
            x[i] = 0;
        for (var i = 0; i < units; i += 2)
            ArrangeStep(x + i * Unit, (short*)x + i * Unit, factors + i, Math.Min(2, units - i));
        for (var i = 0; i < units; i++)
            x[FactorPlace + i] = factors[i];
        for (var i = 0; i < (units + 1) / 2; i++)
            Vector512.Create(Vector256.Create(factors[2 * i]), Vector256.Create(factors[2 * i + 1]))
                .Store(x + SpreadPlace + i * Row.Lanes);
    }

    /// <summary>Where factors begin among floats: behind the integers of half their size.</summary>
    private int FactorPlace => (_columns + Step - 1) / Step * Step / 2;

    private int SpreadPlace => FactorPlace + (_columns / Unit + 1) / 2 * 2;

    private byte* Codes(int row, int column) => _codes + ((long)row * _columns + column) / 2;

    private void Scales(int row, int column, int units, float* target) =>
        _scales.Decode(((long)row * _columns + column) / Unit, units, _unitsShift, target);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply(float* scales, float* factors, int units)
    {
        var i = 0;
        for (; i <= units - Row.Lanes; i += Row.Lanes)
            (Vector512.Load(scales + i) * Vector512.Load(factors + i)).Store(scales + i);
        for (; i < units; i++)
            scales[i] *= factors[i];
    }

    /// <summary>Two rows and a vector.</summary>
    /// <param name="a">Codes of the first row.</param>
    /// <param name="b">Codes of the second row.</param>
    /// <param name="scales">What the sums of units of the first row stand for, then those of the second.</param>
    /// <param name="units">Of a row.</param>
    /// <param name="table">What codes stand for.</param>
    /// <param name="x">The vector.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float First, float Second) DotTwo(
        byte* a, byte* b, float* scales, int units, Vector512<ushort> table, short* x)
    {
        var room = stackalloc byte[Unit];
        var (sum0, sum1) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var halves = Halves();
        var second = (units + 1) / 2 * 2;
        for (var i = 0; i < units; i += 2, a += Unit, b += Unit, x += Step, scales += 2)
        {
            Sse.Prefetch1(a + Ahead);
            Sse.Prefetch1(b + Ahead);
            var (x0, x1) = (Vector512.Load(x), Vector512.Load(x + Words));
            var (x2, x3) = (Vector512.Load(x + 2 * Words), Vector512.Load(x + 3 * Words));
            var words = Vector512.Load(Whole(a, units - i, room));
            sum0 = Vector512.FusedMultiplyAdd(
                Products(
                    LookUp(table, words), LookUp(table, words >>> 4), LookUp(table, words >>> 8),
                    LookUp(table, words >>> 12), x0, x1, x2, x3),
                Spread(scales, halves), sum0);
            words = Vector512.Load(Whole(b, units - i, room));
            sum1 = Vector512.FusedMultiplyAdd(
                Products(
                    LookUp(table, words), LookUp(table, words >>> 4), LookUp(table, words >>> 8),
                    LookUp(table, words >>> 12), x0, x1, x2, x3),
                Spread(scales + second, halves), sum1);
        }

        return (Vectors.Sum(sum0), Vectors.Sum(sum1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> LookUp(Vector512<ushort> table, Vector512<ushort> codes) =>
        Avx512BW.PermuteVar32x16(table, codes).AsInt16();

    private static Vector512<int> Halves() => Vector512.Create(Vector256<int>.Zero, Vector256<int>.One);

    /// <summary>Two rows by four vectors. The tile has room for a second row that is the first again.</summary>
    /// <param name="a">Codes of the first row.</param>
    /// <param name="b">Codes of the second row.</param>
    /// <param name="scales">Those of the first row, then, from a multiple of two on, those of the second.</param>
    /// <param name="units">Of a row.</param>
    /// <param name="table">What codes stand for.</param>
    /// <param name="x0">The first vector.</param>
    /// <param name="factors">What the products of its steps stand for.</param>
    /// <param name="pitch">From one vector to the next.</param>
    /// <param name="sums">Two for the first vector, <see cref="Row.Lanes"/> from those of the next.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddTwoByFour(
        byte* a, byte* b, float* scales, int units, Vector512<ushort> table, float* x0, float* factors, int pitch,
        float* sums)
    {
        var room = stackalloc byte[Unit];
        var x = (short*)x0;
        var halves = Halves();
        var second = (units + 1) / 2 * 2;
        Vector512<float> s00 = default, s01 = default, s10 = default, s11 = default;
        Vector512<float> s20 = default, s21 = default, s30 = default, s31 = default;
        for (var i = 0; i < units; i += 2, a += Unit, b += Unit, x += Step, factors += Row.Lanes, scales += 2)
        {
            Sse.Prefetch1(a + Ahead);
            Sse.Prefetch1(b + Ahead);
            var words = Vector512.Load(Whole(a, units - i, room));
            var (a0, a1) = (LookUp(table, words), LookUp(table, words >>> 4));
            var (a2, a3) = (LookUp(table, words >>> 8), LookUp(table, words >>> 12));
            words = Vector512.Load(Whole(b, units - i, room));
            var (b0, b1) = (LookUp(table, words), LookUp(table, words >>> 4));
            var (b2, b3) = (LookUp(table, words >>> 8), LookUp(table, words >>> 12));
            var (scaleA, scaleB) = (Spread(scales, halves), Spread(scales + second, halves));

            var (v0, v1) = (Vector512.Load(x), Vector512.Load(x + Words));
            var (v2, v3) = (Vector512.Load(x + 2 * Words), Vector512.Load(x + 3 * Words));
            var factor = Vector512.Load(factors);
            s00 = Vector512.FusedMultiplyAdd(Products(a0, a1, a2, a3, v0, v1, v2, v3) * scaleA, factor, s00);
            s01 = Vector512.FusedMultiplyAdd(Products(b0, b1, b2, b3, v0, v1, v2, v3) * scaleB, factor, s01);

            var next = x + 2 * pitch;
            (v0, v1) = (Vector512.Load(next), Vector512.Load(next + Words));
            (v2, v3) = (Vector512.Load(next + 2 * Words), Vector512.Load(next + 3 * Words));
            factor = Vector512.Load(factors + pitch);
            s10 = Vector512.FusedMultiplyAdd(Products(a0, a1, a2, a3, v0, v1, v2, v3) * scaleA, factor, s10);
            s11 = Vector512.FusedMultiplyAdd(Products(b0, b1, b2, b3, v0, v1, v2, v3) * scaleB, factor, s11);

            next += 2 * pitch;
            (v0, v1) = (Vector512.Load(next), Vector512.Load(next + Words));
            (v2, v3) = (Vector512.Load(next + 2 * Words), Vector512.Load(next + 3 * Words));
            factor = Vector512.Load(factors + 2 * pitch);
            s20 = Vector512.FusedMultiplyAdd(Products(a0, a1, a2, a3, v0, v1, v2, v3) * scaleA, factor, s20);
            s21 = Vector512.FusedMultiplyAdd(Products(b0, b1, b2, b3, v0, v1, v2, v3) * scaleB, factor, s21);

            next += 2 * pitch;
            (v0, v1) = (Vector512.Load(next), Vector512.Load(next + Words));
            (v2, v3) = (Vector512.Load(next + 2 * Words), Vector512.Load(next + 3 * Words));
            factor = Vector512.Load(factors + 3 * pitch);
            s30 = Vector512.FusedMultiplyAdd(Products(a0, a1, a2, a3, v0, v1, v2, v3) * scaleA, factor, s30);
            s31 = Vector512.FusedMultiplyAdd(Products(b0, b1, b2, b3, v0, v1, v2, v3) * scaleB, factor, s31);
        }

        (sums[0], sums[1]) = (Vectors.Sum(s00), Vectors.Sum(s01));
        sums += Row.Lanes;
        (sums[0], sums[1]) = (Vectors.Sum(s10), Vectors.Sum(s11));
        sums += Row.Lanes;
        (sums[0], sums[1]) = (Vectors.Sum(s20), Vectors.Sum(s21));
        sums += Row.Lanes;
        (sums[0], sums[1]) = (Vectors.Sum(s30), Vectors.Sum(s31));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Products(
        Vector512<short> a0, Vector512<short> a1, Vector512<short> a2, Vector512<short> a3, Vector512<short> v0,
        Vector512<short> v1, Vector512<short> v2, Vector512<short> v3) => Vector512.ConvertToSingle(
        Avx512BW.MultiplyAddAdjacent(a0, v0) + Avx512BW.MultiplyAddAdjacent(a1, v1)
        + (Avx512BW.MultiplyAddAdjacent(a2, v2) + Avx512BW.MultiplyAddAdjacent(a3, v3)));

    /// <summary>The codes of two units; those of the last one, and zeros, are brought elsewhere for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort* Whole(byte* codes, int units, byte* room)
    {
        if (units > 1)
            return (ushort*)codes;
        Vector512.Create(Vector256.Load(codes), default).Store(room);
        return (ushort*)room;
    }

    /// <summary>Two scales, eight times each.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Spread(float* scales, Vector512<int> halves) =>
        Avx512F.PermuteVar16x32(Vector512.Create(*(double*)scales).AsSingle(), halves);

    /// <summary>Two units, or one and what pads it.</summary>
    private static void ArrangeStep(float* x, short* target, float* factors, int units)
    {
        var numbers = stackalloc int[Step];
        for (var unit = 0; unit < 2; unit++)
        {
            var from = x + unit * Unit;
            var scale = FixedPointRows.ScaleOf(from);
            for (var i = 0; i < Unit; i += Row.Lanes)
                Vector512.ConvertToInt32(Vector512.Round(Vector512.Load(from + i) * scale))
                    .Store(numbers + unit * Unit + i);
            if (unit < units)
                factors[unit] = scale > 0 ? 1 / (scale * FixedPointRows.LargestWeight) : 0;
        }

        // Of a byte the high nibble is first.
        for (var nibble = 0; nibble < Nibbles; nibble++)
            for (var word = 0; word < Words; word++)
                target[nibble * Words + word] = (short)numbers[word * Nibbles + (nibble ^ 1)];
    }
}
