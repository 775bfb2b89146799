using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>
/// Many small jobs for one launch, in the memory of the device: the jobs, and for each block of threads which job it
/// works on and which part of that.
/// </summary>
internal sealed unsafe class JobTable : IDisposable
{
    private readonly Tensor _jobs;
    private readonly Tensor _parts; // int32 [blocks, 2]: job, part

    private JobTable(Tensor jobs, Tensor parts)
    {
        (_jobs, _parts) = (jobs.DetachFromDisposeScope(), parts.DetachFromDisposeScope());
        (Jobs, Parts, Blocks) = ((nint)TensorMemory.Address(jobs), (nint)TensorMemory.Address(parts), parts.shape[0]);
    }

    /// <summary>The first job.</summary>
    public nint Jobs { get; }

    /// <summary>The first block's pair of job and part.</summary>
    public nint Parts { get; }

    public long Blocks { get; }

    /// <summary>Copies jobs to a device.</summary>
    /// <param name="jobs">Jobs as the kernel takes them, and how many blocks each is for.</param>
    /// <param name="device">Where the kernel runs.</param>
    public static JobTable Create<T>(IReadOnlyList<(T Job, int Blocks)> jobs, Device device) where T : unmanaged
    {
        var all = jobs.Select(job => job.Job).ToArray();
        var bytes = MemoryMarshal.AsBytes(all.AsSpan()).ToArray();
        var parts = jobs.SelectMany(
            (job, index) => Enumerable.Range(0, job.Blocks).SelectMany(part => (int[])[index, part]));
        using var flat = tensor(parts.ToArray(), device: device);
        return new JobTable(tensor(bytes, device: device), flat.view(-1, 2));
    }

    public void Dispose()
    {
        _jobs.Dispose();
        _parts.Dispose();
    }
}
