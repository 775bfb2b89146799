namespace Lorikeet.Models.Native.Cuda;

/// <summary>The time a device takes from one point of a stream to a later one.</summary>
internal sealed class CudaInterval : IDisposable
{
    private readonly nint _start = CudaDriver.CreateEvent();
    private readonly nint _end = CudaDriver.CreateEvent();
    private bool _isOpen;

    public void Start(nint stream) => CudaDriver.Record(_start, stream);

    public void End(nint stream)
    {
        CudaDriver.Record(_end, stream);
        _isOpen = true;
    }

    /// <summary>
    /// Waits until the end is reached; the seconds between, once, and 0 when there is nothing to wait for.
    /// </summary>
    public double Wait()
    {
        if (!_isOpen)
            return 0;
        _isOpen = false;
        return CudaDriver.Elapsed(_start, _end) / 1000;
    }

    public void Dispose()
    {
        CudaDriver.DestroyEvent(_start);
        CudaDriver.DestroyEvent(_end);
    }
}
