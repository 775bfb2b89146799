using Lorikeet.Models.Native;

namespace Lorikeet.Models.Distributed;

/// <summary>Blocks of which every rank keeps an equal part, in memory of the host: what MPI gathers.</summary>
/// <param name="slots">Addresses of the slots; they must outlive this.</param>
/// <param name="blocks">How many blocks take turns; block i in slot i mod the number of slots.</param>
/// <param name="bytes">Size of a slot, a multiple of the number of ranks.</param>
/// <param name="ranks">All of which ask for the same blocks in the same order.</param>
internal sealed unsafe class GatheredBlocks(IReadOnlyList<nint> slots, int blocks, long bytes, Communicator ranks)
    : ISlotBlocks
{
    private readonly int _part = checked((int)(bytes / ranks.Size));
    private readonly byte[]?[] _parts = new byte[]?[blocks];
    private readonly int[] _inSlot = [.. slots.Select(_ => -1)];

    public void PrepareSlot(int block) => _inSlot[block % slots.Count] = -1;

    public void Keep(int block)
    {
        _parts[block] = Slot(block).Slice(ranks.Rank * _part, _part).ToArray();
        _inSlot[block % slots.Count] = block;
    }

    public void WaitFor(int block)
    {
        if (_inSlot[block % slots.Count] == block || _parts[block] is not { } part)
            return;
        ranks.Gather(part).CopyTo(Slot(block));
        _inSlot[block % slots.Count] = block;
    }

    public void Dispose()
    {
    }

    private Span<byte> Slot(int block) => new((byte*)slots[block % slots.Count], checked((int)bytes));
}
