using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lorikeet.Models.Native;

namespace Lorikeet.Models.Quantization;

/// <summary>Quantizes to 4 bits on the CPU, equal bit for bit to the CUDA build of bitsandbytes.</summary>
/// <remarks>
/// Values are taken row-major over the whole matrix in blocks that share a scale, so a block may span rows, and the
/// last one may be partial. Within a byte the first value has the high nibble.
/// </remarks>
internal static unsafe class FourBitQuantizer
{
    /// <summary>Block sizes are multiples of this; bitsandbytes knows 32 to 4096, powers of two.</summary>
    public const int SmallestBlock = 32;

    /// <summary>Values that a thread takes at once: as float32 half of a core's own cache.</summary>
    private const int SliceSize = 1 << 15;

    /// <summary>Quantizes <paramref name="count"/> values.</summary>
    /// <param name="source">The values.</param>
    /// <param name="count">How many.</param>
    /// <param name="blockSize">Values that share a scale; a power of two.</param>
    /// <param name="packed">Receives (count + 1) / 2 bytes.</param>
    /// <param name="scales">Receives the largest magnitude of each block.</param>
    public static void Run<TCode>(FloatReader source, long count, int blockSize, byte* packed, float* scales)
        where TCode : struct, IFourBitCode =>
        Slices.ForEach(count, Math.Max(SliceSize, blockSize), (first, length) =>
        {
            var buffer = ArrayPool<float>.Shared.Rent(length);
            fixed (float* start = buffer)
            {
                var values = source.Read(first, length, start);
                QuantizeSlice<TCode>(values, length, blockSize, packed + first / 2, scales + first / blockSize);
            }

            ArrayPool<float>.Shared.Return(buffer);
        });

    private static void QuantizeSlice<TCode>(float* values, int count, int blockSize, byte* packed, float* scales)
        where TCode : struct, IFourBitCode
    {
        for (int block = 0, start = 0; start < count; block++, start += blockSize)
        {
            scales[block] = count - start >= blockSize
                ? QuantizeBlock<TCode>(values + start, blockSize, packed + start / 2)
                : QuantizePartialBlock<TCode>(values + start, count - start, blockSize, packed + start / 2);
        }
    }

    /// <returns>The block's scale.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // a model is quantized before tiered compilation notices
    private static float QuantizeBlock<TCode>(float* source, int length, byte* packed) where TCode : struct,
    IFourBitCode
    {
        var scale = LargestMagnitude(source, length);

        // The reference multiplies by its reciprocal; dividing would put some values on the other side of a threshold
        // between two codes.
        var reciprocal = Vector256.Create(CudaReciprocal.Of(scale));
        for (var i = 0; i < length; i += SmallestBlock)
        {
            var low = Vector256.Narrow(Encode(source + i), Encode(source + i + 8));
            var high = Vector256.Narrow(Encode(source + i + 16), Encode(source + i + 24));
            var codes = Vector256.Narrow(low, high).AsUInt16();
            var pairs = ((codes << 4) | (codes >> 8)) & Vector256.Create((ushort)0xff);
            Vector256.Narrow(pairs, pairs).GetLower().Store(packed + i / 2);
        }

        return scale;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        Vector256<int> Encode(float* values) => TCode.Encode(Vector256.Load(values) * reciprocal);
    }

    /// <summary>Of a multiple of eight values; NaN counts as nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float LargestMagnitude(float* values, int count)
    {
        var eight = Vector256<float>.Zero;
        for (var i = 0; i < count; i += Vector256<float>.Count)
        {
            // The instruction gives its second operand for NaN, which here never is one.
            var magnitudes = Vector256.Abs(Vector256.Load(values + i));
            eight = Avx.IsSupported ? Avx.Max(magnitudes, eight) : Vector256.MaxNumber(magnitudes, eight);
        }

        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        var two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(two[0], two[1]);
    }

    private static float QuantizePartialBlock<TCode>(float* source, int length, int blockSize, byte* packed)
        where TCode : struct, IFourBitCode
    {
        // Filled up with zeros, as the reference does; they change no scale and are not stored.
        var values = stackalloc float[blockSize];
        var bytes = stackalloc byte[blockSize / 2];
        new Span<float>(source, length).CopyTo(new Span<float>(values, blockSize));
        new Span<float>(values, blockSize)[length..].Clear();
        var scale = QuantizeBlock<TCode>(values, blockSize, bytes);
        Buffer.MemoryCopy(bytes, packed, (length + 1) / 2, (length + 1) / 2);
        return scale;
    }
}
