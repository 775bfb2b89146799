using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// The mean of a float32 vector with its terms added in the order of torch's reduction on CUDA
/// (ATen/native/cuda/Reduce.cuh, torch 2.11). The offset of double quantization is such a mean; another order changes
/// its last bits, and with them values that lie on a threshold between two codes.
/// </summary>
internal static class CudaMean
{
    private const int MaxThreads = 512;
    private const int Lanes = 4;

    /// <summary>From this many values on, each thread loads four neighbours at once.</summary>
    private const int VectorizedFrom = 128;

    /// <summary>
    /// Values a thread may be left with; above the larger number the work is split over thread blocks.
    /// </summary>
    private const int MinValuesPerThread = 16;
    private const int MaxValuesPerThread = 256;

    /// <summary>
    /// Thread blocks that an H100 or H200 runs at once. Other devices agree up to four million values.
    /// </summary>
    private const int ResidentBlocks = 132 * 4;

    /// <summary>The mean; 0 for no values.</summary>
    public static float Of(ReadOnlySpan<float> values)
    {
        if (values.IsEmpty)
            return 0;
        var units = values.Length >= VectorizedFrom ? values.Length / Lanes : values.Length;
        var threads = Math.Min(MaxThreads, 1 << int.Log2(units));
        var blocks = BlockCount((values.Length + threads - 1) / threads);
        var blockSums = new float[threads];
        var sums = new float[threads];
        for (var block = 0; block < blocks; block++)
        {
            if (values.Length >= VectorizedFrom)
                SumVectors(values, block * threads, threads * blocks, sums);
            else
                for (var thread = 0; thread < threads; thread++)
                    sums[thread] = Sum(values, thread, threads);
            blockSums[block % threads] += Tree(sums);
        }

        return Tree(blockSums) * (1f / values.Length);
    }

    private static int BlockCount(int valuesPerThread)
    {
        if (valuesPerThread < MaxValuesPerThread)
            return 1;
        var wanted = (valuesPerThread + MinValuesPerThread - 1) / MinValuesPerThread;
        var needed = (valuesPerThread + MaxValuesPerThread - 1) / MaxValuesPerThread;
        return Math.Max(Math.Min(ResidentBlocks, wanted), needed);
    }

    /// <summary>What each thread of a block adds, four neighbours at once into four sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumVectors(ReadOnlySpan<float> values, int first, int stride, Span<float> sums)
    {
        Span<Vector128<float>> lanes = stackalloc Vector128<float>[sums.Length];
        lanes.Clear();
        var isFirstBlock = first == 0;
        var vectors = MemoryMarshal.Cast<float, Vector128<float>>(values);
        for (; first < vectors.Length; first += stride)
        {
            // Neighbouring threads take neighbouring vectors, so all of them take one before any takes its next.
            var next = vectors.Slice(first, Math.Min(sums.Length, vectors.Length - first));
            for (var thread = 0; thread < next.Length; thread++)
                lanes[thread] += next[thread];
        }

        var rest = values[(vectors.Length * Lanes)..]; // one each for the first threads of the first block
        for (var thread = 0; thread < sums.Length; thread++)
        {
            var four = lanes[thread];
            if (isFirstBlock && thread < rest.Length)
                four += Vector128.CreateScalar(rest[thread]);
            sums[thread] = four[0] + four[1] + four[2] + four[3];
        }
    }

    /// <summary>What one thread adds of a few values, in four sums.</summary>
    private static float Sum(ReadOnlySpan<float> values, int first, int stride)
    {
        Span<float> sums = stackalloc float[Lanes];
        sums.Clear();
        for (var (i, lane) = (first, 0); i < values.Length; i += stride, lane = (lane + 1) % Lanes)
            sums[lane] += values[i];
        return sums[0] + sums[1] + sums[2] + sums[3];
    }

    /// <summary>Adds the upper half to the lower until one sum is left.</summary>
    private static float Tree(Span<float> sums)
    {
        for (var width = sums.Length / 2; width > 0; width /= 2)
            for (var i = 0; i < width; i++)
                sums[i] += sums[i + width];
        return sums[0];
    }
}
