using Lorikeet.Models.Native.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native.Distributed;

/// <summary>
/// Blocks of which every rank keeps an equal part: a block comes into its slot when all ranks give their parts.
/// </summary>
/// <remarks>All ranks have to ask for the same blocks in the same order.</remarks>
internal sealed unsafe class ShardedBlocks : SlotBlocks
{
    private readonly NcclGroup _group;
    private readonly int _rank;
    private readonly long _part;
    private readonly Tensor?[] _parts; // uint8 [part] of each block
    private readonly Device _torchDevice;

    /// <param name="device">The device of this rank.</param>
    /// <param name="slots">Addresses of the slots on it; they must outlive this.</param>
    /// <param name="blocks">How many blocks take turns.</param>
    /// <param name="bytes">Size of a slot, a multiple of the number of ranks.</param>
    /// <param name="group">A group of NCCL for these transfers alone; becomes this object's.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="ranks">How many there are.</param>
    public ShardedBlocks(
        Device device, IReadOnlyList<nint> slots, int blocks, long bytes, NcclGroup group, int rank, int ranks)
        : base(device, slots, blocks)
    {
        (_torchDevice, _group, _rank, _part) = (device, group, rank, bytes / ranks);
        _parts = new Tensor?[blocks];
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (var part in _parts)
            part?.Dispose();
        _group.Dispose();
    }

    private protected override bool IsKept(int block) => _parts[block] is not null;

    private protected override void Keep(int block, nint slot, nint stream)
    {
        var part = _parts[block] ??= empty(_part, ScalarType.Byte, _torchDevice).DetachFromDisposeScope();
        CudaDriver.CopyOnDevice((nint)TensorMemory.Address(part), slot + (nint)(_rank * _part), _part, stream);
    }

    private protected override void Bring(int block, nint slot, nint stream) => NcclLibrary.Gather(
        _group.Handle, stream, TensorMemory.Address(_parts[block]!), (byte*)slot, _part);
}
