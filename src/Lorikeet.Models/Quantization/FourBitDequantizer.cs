// A block of 4-bit codes has only sixteen values. They are computed once per block, in the wanted type, and then codes
// are only looked up. The sixteen values lie in byte planes (all first bytes, all second bytes ...) because one byte
// shuffle of 128 bits, which every processor has, looks up sixteen codes at once. That is faster than memory takes the
// results.
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// Turns 4-bit weights on the CPU back into numbers: code value times block scale, in float32, then rounded.
/// </summary>
internal static unsafe class FourBitDequantizer
{
    /// <summary>Blocks that one task handles; nested scales are decoded in runs of this length.</summary>
    private const int BlocksPerTask = BlockScales.Granularity;

    private const int CodesAtOnce = 16;

    /// <summary>Writes the matrix.</summary>
    /// <typeparam name="TElement">float, <see cref="Half"/>, or ushort for the bits of bfloat16.</typeparam>
    /// <param name="weight">A weight on the CPU.</param>
    /// <param name="target">Receives [rows, columns].</param>
    public static void Run<TElement>(FourBitWeight weight, TElement* target) where TElement : unmanaged
    {
        var packed = TensorMemory.Pointer(weight.Packed);
        var (count, blockSize) = (weight.Rows * weight.Columns, weight.BlockSize);
        var blocks = (count + blockSize - 1) / blockSize;
        var lower = Vector256.Create(weight.Values);
        var upper = Vector256.Create(weight.Values, Vector256<float>.Count);
        Parallel.For(0, (blocks + BlocksPerTask - 1) / BlocksPerTask, task =>
        {
            var first = task * BlocksPerTask;
            Span<float> scales = stackalloc float[(int)Math.Min(BlocksPerTask, blocks - first)];
            weight.Scales.Decode(first, scales);
            for (var i = 0; i < scales.Length; i++)
            {
                var start = (first + i) * blockSize;
                var (values0, values1) = (Round(lower * scales[i]), Round(upper * scales[i]));
                LookUp(packed + start / 2, values0, values1, (int)Math.Min(blockSize, count - start), target + start);
            }
        });

        Vector256<float> Round(Vector256<float> values) => weight.ElementType switch
        {
            ScalarType.BFloat16 => BFloat16.Widen(BFloat16.Round(values)),
            ScalarType.Float16 => HalfPrecision.Widen(HalfPrecision.Round(values)),
            _ => values,
        };
    }

    /// <summary>Looks up a block's codes in its sixteen values.</summary>
    public static void LookUp<TElement>(
        byte* packed, Vector256<float> values0, Vector256<float> values1, int length, TElement* target)
        where TElement : unmanaged
    {
        if (typeof(TElement) == typeof(float))
        {
            var (bits0, bits1) = (values0.AsUInt32(), values1.AsUInt32());
            var low = Vector256.Narrow(bits0 & Vector256.Create(0xffffu), bits1 & Vector256.Create(0xffffu));
            LookUp32(packed, low, Vector256.Narrow(bits0 >> 16, bits1 >> 16), length, (uint*)target);
        }
        else if (typeof(TElement) == typeof(Half))
        {
            var table = Vector256.Create(HalfPrecision.Round(values0), HalfPrecision.Round(values1));
            LookUp16(packed, table, length, (ushort*)target);
        }
        else
        {
            LookUp16(packed, Vector256.Create(BFloat16.Round(values0), BFloat16.Round(values1)), length,
                (ushort*)target);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LookUp16(byte* packed, Vector256<ushort> table, int length, ushort* target)
    {
        var (first, second) = Planes(table);
        var done = 0;
        for (; done <= length - CodesAtOnce; done += CodesAtOnce)
        {
            var codes = Unpack(packed + done / 2);
            var (lower, upper) = Join(Vector128.Shuffle(first, codes), Vector128.Shuffle(second, codes));
            lower.Store(target + done);
            upper.Store(target + done + CodesAtOnce / 2);
        }

        for (; done < length; done++)
            target[done] = table[Code(packed, done)];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void LookUp32(byte* packed, Vector256<ushort> low, Vector256<ushort> high, int length, uint* target)
    {
        var (first, second) = Planes(low);
        var (third, fourth) = Planes(high);
        var done = 0;
        for (; done <= length - CodesAtOnce; done += CodesAtOnce)
        {
            var codes = Unpack(packed + done / 2);
            var (low0, low1) = Join(Vector128.Shuffle(first, codes), Vector128.Shuffle(second, codes));
            var (high0, high1) = Join(Vector128.Shuffle(third, codes), Vector128.Shuffle(fourth, codes));
            Store(low0, high0, target + done);
            Store(low1, high1, target + done + CodesAtOnce / 2);
        }

        for (; done < length; done++)
            target[done] = low[Code(packed, done)] | ((uint)high[Code(packed, done)] << 16);
    }

    private static int Code(byte* packed, int index) => (packed[index / 2] >> (index % 2 == 0 ? 4 : 0)) & 15;

    /// <summary>The low bytes and the high bytes of sixteen elements.</summary>
    private static (Vector128<byte> Low, Vector128<byte> High) Planes(Vector256<ushort> table)
    {
        var low = table & Vector256.Create((ushort)0xff);
        var high = table >> 8;
        return (Vector128.Narrow(low.GetLower(), low.GetUpper()), Vector128.Narrow(high.GetLower(), high.GetUpper()));
    }

    /// <summary>Sixteen codes from eight bytes, the high nibble first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Unpack(byte* packed)
    {
        var bytes = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)packed).AsByte());
        return ((bytes >> 4) | ((bytes & Vector128.Create((ushort)15)) << 8)).AsByte();
    }

    /// <summary>Sixteen 16-bit elements from their low and high bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<ushort> Lower, Vector128<ushort> Upper) Join(Vector128<byte> low, Vector128<byte> high) =>
        (Vector128.WidenLower(low) | (Vector128.WidenLower(high) << 8),
         Vector128.WidenUpper(low) | (Vector128.WidenUpper(high) << 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector128<ushort> low, Vector128<ushort> high, uint* target)
    {
        (Vector128.WidenLower(low) | (Vector128.WidenLower(high) << 16)).Store(target);
        (Vector128.WidenUpper(low) | (Vector128.WidenUpper(high) << 16)).Store(target + 4);
    }
}
