using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using static TorchSharp.torch;

namespace Lorikeet.Models.Benchmarks;

/// <summary>How fast a CPU reads memory: decoding reads, and writes next to nothing.</summary>
internal static unsafe class ReadRate
{
    private const int Repetitions = 10;
    private const int Pieces = 4096;
    private const int PieceBytes = 1 << 16; // all of them far more than any cache holds

    /// <summary>Bytes a second that all threads read together, the best of a few.</summary>
    public static double Measure()
    {
        using var memory = ones([Pieces, PieceBytes], ScalarType.Byte, CPU);
        using var sums = empty([Pieces], ScalarType.Int64, CPU);
        var work = new ReadWork(TensorMemory.Pointer(memory), (ulong*)TensorMemory.Pointer(sums));
        var best = 0.0;
        for (var i = 0; i <= Repetitions; i++)
        {
            var clock = Stopwatch.StartNew();
            WorkerTeam.Run(work, Pieces, PieceBytes);
            if (i > 0)
                best = Math.Max(best, (double)Pieces * PieceBytes / clock.Elapsed.TotalSeconds);
        }

        return best;
    }

    private readonly struct ReadWork(byte* memory, ulong* sums) : IRangeWork
    {
        private readonly byte* _memory = memory;
        private readonly ulong* _sums = sums;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int start, int end)
        {
            for (var piece = start; piece < end; piece++)
            {
                var from = _memory + (long)piece * PieceBytes;
                var step = Vector512<byte>.Count;
                var (a, b) = (Vector512<ulong>.Zero, Vector512<ulong>.Zero);
                for (var i = 0; i < PieceBytes; i += 2 * step)
                {
                    a += Vector512.Load((ulong*)(from + i));
                    b += Vector512.Load((ulong*)(from + i + step));
                }

                _sums[piece] = Vector512.Sum(a + b);
            }
        }
    }
}
