using Lorikeet.Models.Native.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native.Distributed;

/// <summary>Sums over ranks on a stream of their own, while the device computes on.</summary>
/// <param name="group">A group of NCCL for these sums alone; becomes this object's.</param>
/// <param name="device">The device of this rank.</param>
internal sealed unsafe class SideSums(NcclGroup group, CudaDevice device) : IDisposable
{
    private readonly nint _stream = CudaDriver.CreateStream();
    private readonly nint _mark = CudaDriver.CreateEvent();

    /// <summary>Sums float32 values once what is queued so far is done.</summary>
    public void Begin(Tensor values)
    {
        CudaDriver.Record(_mark, device.Stream);
        CudaDriver.Wait(_stream, _mark);
        NcclLibrary.Sum(
            group.Handle, _stream, TensorMemory.Address(values), values.NumberOfElements, NcclLibrary.Float32);
    }

    /// <summary>What is queued from now on waits for the sums.</summary>
    public void End()
    {
        CudaDriver.Record(_mark, _stream);
        CudaDriver.Wait(device.Stream, _mark);
    }

    public void Dispose()
    {
        group.Dispose();
        CudaDriver.DestroyEvent(_mark);
        CudaDriver.DestroyStream(_stream);
    }
}
