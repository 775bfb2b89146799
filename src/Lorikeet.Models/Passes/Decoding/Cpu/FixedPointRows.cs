// Where activations are bfloat16, sixteen bits of fixed point hold more than there is to hold. The sixteen values of a
// code have an error of 2^-16 of the largest, where bfloat16 has one of 2^-9 of each; a unit of x is scaled so that its
// largest number is 2^13, an error of 2^-14 of it, where its own rounding was 2^-9. Then one byte shuffle looks up 32
// bytes, one instruction multiplies and adds sixteen numbers, and a block's scale is applied to sums: twice as fast as
// in float32, and as fast with vectors of 256 bits as with 512.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Rows of 4-bit codes whose blocks begin where rows do, multiplied in fixed point with AVX2.</summary>
internal readonly unsafe struct FixedPointRows : IWeightRows
{
    private const int Unit = FourBitCodes.Unit;
    public const float LargestWeight = short.MaxValue;

    /// <summary>Bytes of codes that are asked for before their turn; the prefetcher of a CPU looks less far.</summary>
    private const int Ahead = 2048;

    /// <summary>Eight products of the largest numbers still fit 32 bits.</summary>
    private const float LargestInput = 1 << 13;

    /// <summary>
    /// Of a unit of x, 64 numbers of 16 bits come first, then what a product of two integers stands for.
    /// </summary>
    private const int FactorPlace = Unit / 2;

    private readonly byte* _codes;
    private readonly ScaleRows _scales;
    private readonly Vector256<byte> _low, _high; // bytes of the sixteen values, in both halves
    private readonly int _columns;
    private readonly int _unitsShift;

    public FixedPointRows(FourBitWeight weight)
    {
        (_columns, _unitsShift) = ((int)weight.Columns, int.Log2(weight.BlockSize / Unit));
        _codes = TensorMemory.Pointer(weight.Packed);
        _scales = new ScaleRows(weight.Scales);
        var values = weight.Values.Select(value => (ushort)WeightOf(value)).ToArray();
        var low = Vector128.Create([.. values.Select(value => (byte)value)]);
        var high = Vector128.Create([.. values.Select(value => (byte)(value >> 8))]);
        (_low, _high) = (Vector256.Create(low, low), Vector256.Create(high, high));
    }

    public float Dot(int row, float* x) => Dot(Codes(row, 0), Scales(row, 0), _columns / Unit, _low, _high, x);

    public static int Segment => int.MaxValue;

    public void AddDotProducts(int row, int rows, int first, int count, ArrangedVectors x, float* sums)
    {
        for (var i = 0; i < rows; i++)
            for (var index = 0; index < x.Count; index += ArrangedVectors.Together)
                AddFour(
                    Codes(row + i, first), Scales(row + i, first), count / Unit, _low, _high, x[index] + first, x.Pitch,
                    sums + index * Row.Lanes + i);
    }

    public void Arrange(float* x)
    {
        for (var i = 0; i < _columns; i += Unit)
            ArrangeUnit(x + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Dot(
        byte* codes, UnitScales scales, int units, Vector256<byte> low, Vector256<byte> high, float* x)
    {
        var sum = Vector256<float>.Zero;
        for (var i = 0; i < units; i++, codes += Unit / 2, x += Unit)
        {
            Sse.Prefetch0(codes + Ahead);
            var weights = new UnitWeights(codes, low, high);
            sum = Fma.MultiplyAdd(weights.Dot((short*)x), Vector256.Create(scales[i] * x[FactorPlace]), sum);
        }

        return Vector128.Sum(sum.GetLower() + sum.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddFour(
        byte* codes, UnitScales scales, int units, Vector256<byte> low, Vector256<byte> high, float* x, int pitch,
        float* sums)
    {
        float* x1 = x + pitch, x2 = x1 + pitch, x3 = x2 + pitch;
        var (sum0, sum1) = (Vector256<float>.Zero, Vector256<float>.Zero);
        var (sum2, sum3) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (var i = 0; i < units * Unit; i += Unit, codes += Unit / 2)
        {
            var weights = new UnitWeights(codes, low, high);
            var scale = scales[i / Unit];
            sum0 = Fma.MultiplyAdd(weights.Dot((short*)(x + i)), Vector256.Create(scale * x[i + FactorPlace]), sum0);
            sum1 = Fma.MultiplyAdd(weights.Dot((short*)(x1 + i)), Vector256.Create(scale * x1[i + FactorPlace]), sum1);
            sum2 = Fma.MultiplyAdd(weights.Dot((short*)(x2 + i)), Vector256.Create(scale * x2[i + FactorPlace]), sum2);
            sum3 = Fma.MultiplyAdd(weights.Dot((short*)(x3 + i)), Vector256.Create(scale * x3[i + FactorPlace]), sum3);
        }

        sums[0] += Vector256.Sum(sum0);
        sums[Row.Lanes] += Vector256.Sum(sum1);
        sums[2 * Row.Lanes] += Vector256.Sum(sum2);
        sums[3 * Row.Lanes] += Vector256.Sum(sum3);
    }

    /// <summary>What a value of a code is in fixed point.</summary>
    public static short WeightOf(float value) => (short)MathF.Round(value * LargestWeight);

    /// <summary>What brings the largest number of a unit to the largest integer; 0 where all are zero.</summary>
    public static float ScaleOf(float* unit)
    {
        var largest = Vector512<float>.Zero;
        for (var i = 0; i < Unit; i += Row.Lanes)
            largest = Vector512.Max(largest, Vector512.Abs(Vector512.Load(unit + i)));
        return Vectors.Largest(largest) is > 0 and var most ? LargestInput / most : 0;
    }

    /// <summary>To integers, in the order in which <see cref="UnitWeights"/> meets the codes.</summary>
    private static void ArrangeUnit(float* x)
    {
        var numbers = stackalloc int[Unit];
        var scale = ScaleOf(x);
        for (var i = 0; i < Unit; i += Row.Lanes)
            Vector512.ConvertToInt32(Vector512.Round(Vector512.Load(x + i) * scale)).Store(numbers + i);

        var target = (short*)x;
        for (var part = 0; part < 8; part++, target += 8)
        {
            var source = numbers + part / 2 % 2 * 16 + part % 2 * 32 + (part < 4 ? 1 : 0);
            for (var i = 0; i < 8; i++)
                target[i] = (short)source[2 * i];
        }

        x[FactorPlace] = scale > 0 ? 1 / (scale * LargestWeight) : 0;
    }

    private byte* Codes(int row, int column) => _codes + ((long)row * _columns + column) / 2;

    private UnitScales Scales(int row, int column) => new(_scales, ((long)row * _columns + column) / Unit, _unitsShift);

    /// <summary>
    /// A unit's 64 numbers: those in low nibbles, which are odd columns, then those in high ones. Bytes are interleaved
    /// within halves of a vector, so eight columns from the first 32 stand beside eight from the last 32.
    /// </summary>
    private readonly struct UnitWeights
    {
        private readonly Vector256<short> _first, _second, _third, _fourth;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public UnitWeights(byte* codes, Vector256<byte> low, Vector256<byte> high)
        {
            var bytes = Vector256.Load(codes);
            var nibble = Vector256.Create((byte)15);
            var (odd, even) = (bytes & nibble, (bytes.AsUInt16() >>> 4).AsByte() & nibble);
            var (oddLow, oddHigh) = (Avx2.Shuffle(low, odd), Avx2.Shuffle(high, odd));
            var (evenLow, evenHigh) = (Avx2.Shuffle(low, even), Avx2.Shuffle(high, even));
            (_first, _second) = (Avx2.UnpackLow(oddLow, oddHigh).AsInt16(), Avx2.UnpackHigh(oddLow, oddHigh).AsInt16());
            (_third, _fourth) = (
                Avx2.UnpackLow(evenLow, evenHigh).AsInt16(), Avx2.UnpackHigh(evenLow, evenHigh).AsInt16());
        }

        /// <summary>Eight sums of eight products each.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector256<float> Dot(short* x)
        {
            var odd = Avx2.MultiplyAddAdjacent(_first, Vector256.Load(x))
                + Avx2.MultiplyAddAdjacent(_second, Vector256.Load(x + 16));
            var even = Avx2.MultiplyAddAdjacent(_third, Vector256.Load(x + 32))
                + Avx2.MultiplyAddAdjacent(_fourth, Vector256.Load(x + 48));
            return Vector256.ConvertToSingle(odd + even);
        }
    }
}
