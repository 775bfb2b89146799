using static TorchSharp.torch;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>Blocks that wait in pinned memory of the host between their turns.</summary>
/// <param name="device">The device.</param>
/// <param name="slots">Addresses of the slots on the device; they must outlive this.</param>
/// <param name="blocks">How many blocks take turns.</param>
/// <param name="bytes">Size of a slot.</param>
internal sealed unsafe class HostBlocks(Device device, IReadOnlyList<nint> slots, int blocks, long bytes)
    : SlotBlocks(device, slots, blocks)
{
    private readonly PinnedMemory?[] _memory = new PinnedMemory?[blocks];

    /// <summary>Waits for the copies under way.</summary>
    public override void Dispose()
    {
        base.Dispose();
        foreach (var block in _memory)
            block?.Dispose();
    }

    private protected override bool IsKept(int block) => _memory[block] is not null;

    private protected override void Keep(int block, nint slot, nint stream)
    {
        var memory = _memory[block] ??= new PinnedMemory(Device, bytes);
        CudaDriver.CopyToHost(memory.Start, slot, bytes, stream);
    }

    private protected override void Bring(int block, nint slot, nint stream) =>
        CudaDriver.CopyToDevice(slot, _memory[block]!.Start, bytes, stream);
}
