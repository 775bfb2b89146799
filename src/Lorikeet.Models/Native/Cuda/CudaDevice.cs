using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>A CUDA device as torch uses it: its primary context and torch's current stream.</summary>
internal sealed unsafe class CudaDevice
{
    private static readonly Lock s_gate = new();
    private static readonly Dictionary<int, CudaDevice> s_devices = [];

    // Of this thread only: others may train or generate while it records a stream.
    [ThreadStatic]
    private static (CudaDevice Device, nint Stream)? t_redirection;

    [ThreadStatic]
    private static CudaDevice? t_overlapping;

    private readonly nint _context;

    private CudaDevice(int index)
    {
        Index = index;
        _context = CudaDriver.PrimaryContext(index);
        Capability = 10 * CudaDriver.Attribute(index, CudaDriver.ComputeCapabilityMajor)
            + CudaDriver.Attribute(index, CudaDriver.ComputeCapabilityMinor);
        Multiprocessors = CudaDriver.Attribute(index, CudaDriver.MultiprocessorCount);
    }

    public int Index { get; }

    /// <summary>Compute capability, such as 90 for 9.0.</summary>
    public int Capability { get; }

    public int Multiprocessors { get; }

    /// <summary>Such as "NVIDIA H100 80GB HBM3".</summary>
    public string Name => CudaDriver.DeviceName(Index);

    /// <summary>The stream that torch queues its work on now, or the one <see cref="Redirect"/> named.</summary>
    public nint Stream
    {
        get
        {
            if (t_redirection is { } redirection && redirection.Device == this)
                return redirection.Stream;
            nint stream;
            if (aoti_torch_get_current_cuda_stream(Index, &stream) != 0)
                throw new InvalidOperationException(
                    $"libtorch has no stream for cuda:{Index}; it wrote the reason to stderr.");
            return stream;
        }
    }

    /// <summary>The device with torch's index; a CUDA build of libtorch must be loaded.</summary>
    public static CudaDevice Of(int index)
    {
        lock (s_gate)
        {
            if (!s_devices.TryGetValue(index, out var device))
                s_devices[index] = device = new CudaDevice(index);
            return device;
        }
    }

    /// <summary>
    /// This thread's kernels go to <paramref name="stream"/> until the result is disposed; torch's own do not.
    /// </summary>
    public IDisposable Redirect(nint stream)
    {
        t_redirection = (this, stream);
        return new Redirection();
    }

    /// <summary>
    /// Whether kernels of this thread that can may begin while the kernel before them ends (<see cref="Overlap"/>).
    /// </summary>
    public bool Overlaps => t_overlapping == this;

    /// <summary>
    /// Until the result is disposed, kernels of this thread that can begin while the kernel before them ends, where the
    /// device is able to (compute capability 9.0).
    /// </summary>
    public IDisposable Overlap()
    {
        const int leastCapability = 90;
        t_overlapping = Capability >= leastCapability ? this : null;
        return new Overlapping();
    }

    /// <summary>Makes its context the calling thread's; torch may have chosen another.</summary>
    public void Activate() => CudaDriver.SetCurrentContext(_context);

    private sealed class Overlapping : IDisposable
    {
        public void Dispose() => t_overlapping = null;
    }

    private sealed class Redirection : IDisposable
    {
        public void Dispose() => t_redirection = null;
    }

    [DllImport("torch_cuda")]
    private static extern int aoti_torch_get_current_cuda_stream(int device, nint* stream);
}
