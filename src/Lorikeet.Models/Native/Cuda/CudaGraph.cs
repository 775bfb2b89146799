namespace Lorikeet.Models.Native.Cuda;

/// <summary>Kernels that were queued once, and are queued again by one call.</summary>
internal sealed class CudaGraph : IDisposable
{
    private readonly CudaDevice _device;
    private readonly nint _graph;

    private CudaGraph(CudaDevice device, nint graph) => (_device, _graph) = (device, graph);

    /// <summary>
    /// Records what <paramref name="queue"/> queues, without running it. All of it must be kernels of ours.
    /// </summary>
    public static CudaGraph Record(CudaDevice device, Action queue)
    {
        device.Activate();
        var stream = CudaDriver.CreateStream();
        try
        {
            CudaDriver.BeginCapture(stream);
            using (device.Redirect(stream))
                queue();
            return new CudaGraph(device, CudaDriver.EndCapture(stream));
        }
        finally
        {
            CudaDriver.DestroyStream(stream);
        }
    }

    /// <summary>Queues all of it on torch's current stream.</summary>
    public void Launch()
    {
        _device.Activate();
        CudaDriver.LaunchGraph(_graph, _device.Stream);
    }

    public void Dispose() => CudaDriver.DestroyGraph(_graph);
}
