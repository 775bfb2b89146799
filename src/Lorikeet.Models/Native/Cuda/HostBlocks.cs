using static TorchSharp.torch;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>
/// Blocks of device memory that take turns in a few slots and wait in pinned memory of the host between their turns.
/// Copies have a stream of their own: while the work on one block runs, its neighbours arrive.
/// </summary>
/// <remarks>
/// All waiting is done by the device, between its streams; a call only queues. A slot's <c>Used</c> marks the work that
/// may still touch it, its <c>Ready</c> the last copy from or to it.
/// </remarks>
internal sealed unsafe class HostBlocks : IDisposable
{
    private readonly CudaDevice _device;
    private readonly long _bytes;
    private readonly Slot[] _slots;
    private readonly PinnedMemory?[] _blocks;
    private readonly nint _copies;
    private int _last;
    private int _ready = -1;

    /// <param name="device">The device.</param>
    /// <param name="slots">Addresses of the slots on the device; they must outlive this.</param>
    /// <param name="blocks">How many blocks take turns; block i in slot i mod the number of slots.</param>
    /// <param name="bytes">Size of a slot.</param>
    public HostBlocks(Device device, IReadOnlyList<nint> slots, int blocks, long bytes)
    {
        _device = CudaDevice.Of(Math.Max(device.index, 0));
        _device.Activate();
        _bytes = bytes;
        _slots = [.. slots.Select(address => new Slot(address))];
        _blocks = new PinnedMemory?[blocks];
        _copies = CudaDriver.CreateStream();
    }

    /// <summary>Call before new content is written into a block's slot.</summary>
    public void PrepareSlot(int block)
    {
        _device.Activate();
        var slot = SlotOf(block);
        if (slot.Block >= 0)
            CudaDriver.Wait(_device.Stream, slot.Ready);
        slot.Block = -1;
        _ready = -1;
    }

    /// <summary>Call when a block's content was written into its slot: copies it to the host.</summary>
    public void CopyToHost(int block)
    {
        _device.Activate();
        var memory = _blocks[block] ??= new PinnedMemory(_device, _bytes);
        var slot = SlotOf(block);
        CudaDriver.Record(slot.Used, _device.Stream);
        CudaDriver.Wait(_copies, slot.Used);
        CudaDriver.CopyToHost(memory.Start, slot.Address, _bytes, _copies);
        CudaDriver.Record(slot.Ready, _copies);
        slot.Block = block;
    }

    /// <summary>
    /// Call before a block's slot is read: has the block there, and its next neighbours on their way.
    /// </summary>
    public void WaitFor(int block)
    {
        if (block == _ready && SlotOf(block).Block == block)
            return;
        _device.Activate();
        Fetch(block);
        CudaDriver.Wait(_device.Stream, SlotOf(block).Ready);
        var step = block >= _last && block + 1 < _blocks.Length ? 1 : -1;
        for (var ahead = 1; ahead < _slots.Length; ahead++)
            if (block + step * ahead is var next && next >= 0 && next < _blocks.Length)
                Fetch(next);
        (_last, _ready) = (block, block);
    }

    /// <summary>Waits for the copies under way.</summary>
    public void Dispose()
    {
        _device.Activate();
        CudaDriver.Synchronize(_copies);
        foreach (var slot in _slots)
            slot.Dispose();
        foreach (var block in _blocks)
            block?.Dispose();
        CudaDriver.DestroyStream(_copies);
    }

    private Slot SlotOf(int block) => _slots[block % _slots.Length];

    private void Fetch(int block)
    {
        var slot = SlotOf(block);
        if (slot.Block == block || _blocks[block] is not { } memory)
            return;
        CudaDriver.Record(slot.Used, _device.Stream);
        CudaDriver.Wait(_copies, slot.Used);
        CudaDriver.CopyToDevice(slot.Address, memory.Start, _bytes, _copies);
        CudaDriver.Record(slot.Ready, _copies);
        slot.Block = block;
    }

    private sealed class Slot(nint address) : IDisposable
    {
        public nint Address { get; } = address;

        public nint Used { get; } = CudaDriver.CreateEvent();

        public nint Ready { get; } = CudaDriver.CreateEvent();

        /// <summary>The block whose content it has or is about to have; -1 for none.</summary>
        public int Block { get; set; } = -1;

        public void Dispose()
        {
            CudaDriver.DestroyEvent(Used);
            CudaDriver.DestroyEvent(Ready);
        }
    }
}
