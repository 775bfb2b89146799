using Lorikeet.Models.Native.Cuda;

namespace Lorikeet.Models.Native.Distributed;

/// <summary>One group of ranks in NCCL: its operations come in one order on every rank.</summary>
/// <param name="handle">From <see cref="NcclLibrary.Join"/>; becomes this object's.</param>
/// <param name="device">The device of this rank.</param>
/// <param name="isBroken">Whether a rank has failed, so that the others may never answer.</param>
internal sealed class NcclGroup(nint handle, CudaDevice device, Func<bool> isBroken) : IDisposable
{
    /// <summary>NCCL's communicator.</summary>
    public nint Handle => handle;

    /// <summary>Leaves: in order while all ranks do, else at once.</summary>
    public void Dispose()
    {
        device.Activate();
        if (isBroken())
        {
            NcclLibrary.Abort(handle);
            return;
        }

        CudaDriver.Synchronize(device.Stream);
        NcclLibrary.Leave(handle);
    }
}
