using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Quantization;

/// <summary>Quantizes to 4 bits on the CPU, equal bit for bit to the CUDA build of bitsandbytes.</summary>
/// <remarks>
/// Values are taken row-major over the whole matrix in blocks that share a scale, so a block may span rows, and the last
/// one may be partial. Within a byte the first value has the high nibble.
/// </remarks>
internal static unsafe class FourBitQuantizer
{
    /// <summary>Block sizes are multiples of this; bitsandbytes knows 32 to 4096, powers of two.</summary>
    public const int SmallestBlock = 32;

    private const int BlocksPerTask = 256;

    /// <summary>Quantizes <paramref name="count"/> values.</summary>
    /// <param name="source">The values.</param>
    /// <param name="count">How many.</param>
    /// <param name="blockSize">Values that share a scale.</param>
    /// <param name="packed">Receives (count + 1) / 2 bytes.</param>
    /// <param name="scales">Receives the largest magnitude of each block.</param>
    public static void Run<TCode>(float* source, long count, int blockSize, byte* packed, float* scales)
        where TCode : struct, IFourBitCode
    {
        var blocks = (count + blockSize - 1) / blockSize;
        Parallel.For(0, (blocks + BlocksPerTask - 1) / BlocksPerTask, task =>
        {
            var last = Math.Min(blocks, (task + 1) * BlocksPerTask);
            for (var block = task * BlocksPerTask; block < last; block++)
            {
                var start = block * blockSize;
                var length = (int)Math.Min(blockSize, count - start);
                scales[block] = length == blockSize
                    ? QuantizeBlock<TCode>(source + start, blockSize, packed + start / 2)
                    : QuantizePartialBlock<TCode>(source + start, length, blockSize, packed + start / 2);
            }
        });
    }

    /// <returns>The block's scale.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)] // a model is quantized before tiered compilation notices
    private static float QuantizeBlock<TCode>(float* source, int length, byte* packed) where TCode : struct, IFourBitCode
    {
        var largest = Vector256<float>.Zero;
        for (var i = 0; i < length; i += Vector256<float>.Count)
            largest = Vector256.MaxNumber(largest, Vector256.Abs(Vector256.Load(source + i)));
        var scale = 0f;
        for (var lane = 0; lane < Vector256<float>.Count; lane++)
            scale = MathF.Max(scale, largest[lane]);

        // The reference multiplies by its reciprocal; dividing would put some values on the other side of a border.
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
