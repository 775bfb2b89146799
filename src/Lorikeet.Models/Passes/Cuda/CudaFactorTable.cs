using System.Runtime.InteropServices;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>All factors in one launch (Factors.cu).</summary>
internal sealed unsafe class CudaFactorTable : IFactorTable
{
    private const int Threads = 256;

    private readonly CudaKernel _load, _accumulate;
    private readonly JobTable _jobs;

    public CudaFactorTable(IReadOnlyList<FactorBlock> blocks, CudaModule module, Device device)
    {
        var isWide = blocks.All(
            block => AlignedKernel.Fits(block.Matrix) && (block.Values is null || AlignedKernel.Fits(block.Values)));
        (var width, _load) = new AlignedKernel(module, "load_factors").Choose(isWide);
        (_, _accumulate) = new AlignedKernel(module, "accumulate_factors").Choose(isWide);
        _jobs = JobTable.Create(
            [.. blocks.Select(
                block => (new Job(block), Pieces(block.Matrix.Rows * (block.Matrix.Columns / width))))], device);
    }

    public void Load() => _load.Launch(_jobs.Blocks, Threads, _jobs.Jobs, _jobs.Parts);

    public void Accumulate() => _accumulate.Launch(_jobs.Blocks, Threads, _jobs.Jobs, _jobs.Parts);

    public void Dispose() => _jobs.Dispose();

    private static int Pieces(int places) => (places + Threads - 1) / Threads;

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Job(FactorBlock block)
    {
        private readonly byte* _values = block.Values is null ? null : TensorMemory.Address(block.Values);
        private readonly MatrixView _matrix = new(block.Matrix);
        private readonly float _scale = (float)block.Scale;
    }
}
