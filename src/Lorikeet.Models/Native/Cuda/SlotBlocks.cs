using static TorchSharp.torch;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>
/// Blocks that take turns in a few slots of a device. What brings them has a stream of its own: while the work on one
/// block runs, its neighbours arrive.
/// </summary>
/// <remarks>
/// All waiting is done by the device, between its streams; a call only queues. A slot's <c>Used</c> marks the work that
/// may still touch it, its <c>Ready</c> the last copy from or to it.
/// </remarks>
internal abstract class SlotBlocks : ISlotBlocks
{
    private readonly Slot[] _slots;
    private readonly int _blocks;
    private readonly nint _copies;
    private int _last;
    private int _ready = -1;

    /// <param name="device">The device.</param>
    /// <param name="slots">Addresses of the slots on the device; they must outlive this.</param>
    /// <param name="blocks">How many blocks take turns; block i in slot i mod the number of slots.</param>
    private protected SlotBlocks(Device device, IReadOnlyList<nint> slots, int blocks)
    {
        Device = CudaDevice.Of(Math.Max(device.index, 0));
        Device.Activate();
        _slots = [.. slots.Select(address => new Slot(address))];
        _blocks = blocks;
        _copies = CudaDriver.CreateStream();
    }

    /// <summary>The device.</summary>
    private protected CudaDevice Device { get; }

    public void PrepareSlot(int block)
    {
        Device.Activate();
        var slot = SlotOf(block);
        if (slot.Block >= 0)
            CudaDriver.Wait(Device.Stream, slot.Ready);
        slot.Block = -1;
        _ready = -1;
    }

    public void Keep(int block)
    {
        Device.Activate();
        var slot = SlotOf(block);
        CudaDriver.Record(slot.Used, Device.Stream);
        CudaDriver.Wait(_copies, slot.Used);
        Keep(block, slot.Address, _copies);
        CudaDriver.Record(slot.Ready, _copies);
        slot.Block = block;
    }

    public void WaitFor(int block)
    {
        if (block == _ready && SlotOf(block).Block == block)
            return;
        Device.Activate();
        Fetch(block);
        CudaDriver.Wait(Device.Stream, SlotOf(block).Ready);
        var step = block >= _last && block + 1 < _blocks ? 1 : -1;
        for (var ahead = 1; ahead < _slots.Length; ahead++)
            if (block + step * ahead is var next && next >= 0 && next < _blocks)
                Fetch(next);
        (_last, _ready) = (block, block);
    }

    /// <summary>Waits for the copies under way.</summary>
    public virtual void Dispose()
    {
        Device.Activate();
        CudaDriver.Synchronize(_copies);
        foreach (var slot in _slots)
            slot.Dispose();
        CudaDriver.DestroyStream(_copies);
    }

    /// <summary>Whether a block was kept.</summary>
    private protected abstract bool IsKept(int block);

    /// <summary>Queues on a stream that a slot's content is kept as a block.</summary>
    private protected abstract void Keep(int block, nint slot, nint stream);

    /// <summary>Queues on a stream that a block comes into a slot.</summary>
    private protected abstract void Bring(int block, nint slot, nint stream);

    private Slot SlotOf(int block) => _slots[block % _slots.Length];

    private void Fetch(int block)
    {
        var slot = SlotOf(block);
        if (slot.Block == block || !IsKept(block))
            return;
        CudaDriver.Record(slot.Used, Device.Stream);
        CudaDriver.Wait(_copies, slot.Used);
        Bring(block, slot.Address, _copies);
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
