using System.Runtime.InteropServices;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Native.Distributed;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// Keeps the frozen weights of some layers in pinned host memory, or of all layers in equal parts on several ranks. Two
/// slots on the device are enough: one layer's weights are used while the next ones arrive. Layers that wait on the
/// host are spread evenly, which gives each copy the most time.
/// </summary>
internal sealed class LayerOffload : IDisposable
{
    /// <summary>Layers that have a place on the device, of all that wait.</summary>
    public const int Slots = 2;

    private const int Alignment = 256;

    private readonly Device _device;
    private readonly int _layers;
    private readonly int _count;
    private readonly nint[] _slots = new nint[Slots];
    private readonly Communicator? _ranks;
    private Tensor? _memory; // uint8 [slots, bytes of a layer]
    private ISlotBlocks? _blocks;
    private long _size; // of a slot
    private int _taken;

    /// <param name="device">A CUDA device.</param>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="count">How many of them wait in the host's memory.</param>
    /// <exception cref="ConfigurationException">There is no such device, or there are not so many layers.</exception>
    public LayerOffload(Device device, int layers, int count)
    {
        if (device.type != TorchSharp.DeviceType.CUDA)
        {
            throw new ConfigurationException(
                $"offload_layers is {count}, but the model computes on {device}, whose memory is the host's. " +
                "Leave it out, or set 'device' to cuda.");
        }

        if (count > layers)
        {
            throw new ConfigurationException(
                $"offload_layers is {count}, but the model has {layers} layers. Expected at most {layers}.");
        }

        (_device, _layers, _count) = (device, layers, count);
    }

    /// <summary>Divides all layers among ranks.</summary>
    /// <param name="device">Of this rank.</param>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="ranks">All of which load the model and use its layers in the same order.</param>
    public LayerOffload(Device device, int layers, Communicator ranks) =>
        (_device, _layers, _count, _ranks) = (device, layers, layers, ranks);

    /// <summary>What the settings of a model ask for; null for weights that stay on the device.</summary>
    /// <param name="device">Where it computes.</param>
    /// <param name="layers">Its layers.</param>
    /// <param name="onHost">Layers that wait in the host's memory.</param>
    /// <param name="ranks">Ranks that hold a part of each layer; null for all of it on each.</param>
    public static LayerOffload? Create(Device device, int layers, int onHost, Communicator? ranks)
    {
        if (ranks is { Size: > 1 } && onHost > 0)
            throw new ConfigurationException(
                $"offload_layers is {onHost} and shard_base is true: the weights of a layer wait on the host or on the "
                + "other ranks, not both. Leave one of them out.");
        return ranks is { Size: > 1 } ? new LayerOffload(device, layers, ranks)
            : onHost > 0 ? new LayerOffload(device, layers, onHost) : null;
    }

    /// <summary>
    /// Whether ranks hold parts of the layers, so that all have to use the same layers in the same order.
    /// </summary>
    public bool IsShared => _ranks is not null;

    /// <summary>See <see cref="DecoderModel.LeastOfRanks"/>.</summary>
    public long LeastOfRanks(long own) =>
        _ranks is null
            ? own
            : MemoryMarshal.Cast<byte, long>(_ranks.Gather(BitConverter.GetBytes(own))).ToArray().Min();

    /// <summary>Whether a layer waits elsewhere.</summary>
    public bool Includes(int layer) => (layer + 1L) * _count / _layers > (long)layer * _count / _layers;

    /// <summary>Moves the weights of a layer to where they wait, if it is one of those.</summary>
    /// <exception cref="ConfigurationException">They are stored in a form that stays where it is.</exception>
    public void Offload(DecoderLayer layer)
    {
        if (!Includes(layer.Index))
            return;
        using var scope = NewDisposeScope();
        var size = layer.Projections.Sum(projection => SizeOf(projection.Weight));
        if (_memory is null)
            Open(size);
        if (size > _size)
            return; // left as it was by a quantization that skips some of its modules
        var block = _taken++;
        var place = _slots[block % Slots];
        _blocks!.PrepareSlot(block);
        Tensor Copy(Tensor tensor)
        {
            var copy = TensorMemory.View(place, tensor.shape, tensor.dtype, _device);
            copy.copy_(tensor);
            place += (nint)Aligned(tensor.NumberOfElements * tensor.ElementSize);
            return copy;
        }

        foreach (var projection in layer.Projections)
        {
            var weight = projection.Weight;
            if (!weight.Move(Copy))
            {
                throw new ConfigurationException(
                    $"'{projection.Name}' is stored as {weight.Format}, which cannot wait elsewhere. Expected nf4, "
                    + $"fp4 or a float type. Leave out {(_ranks is null ? "offload_layers" : "shard_base")}.");
            }

            projection.Weight = new OffloadedWeight(weight, () => _blocks.WaitFor(block), _ranks?.Size ?? 0);
        }

        _blocks.Keep(block);
    }

    public void Dispose()
    {
        _blocks?.Dispose();
        _memory?.Dispose();
    }

    /// <summary>Slots as large as the first layer needs; layers of a model are alike.</summary>
    private unsafe void Open(long bytes)
    {
        if (_ranks is not null)
            bytes = (bytes + Alignment * _ranks.Size - 1) / (Alignment * _ranks.Size) * (Alignment * _ranks.Size);
        _size = bytes;
        _memory = empty([Slots, bytes], ScalarType.Byte, _device).DetachFromDisposeScope();
        var start = (nint)TensorMemory.Address(_memory);
        for (var slot = 0; slot < Slots; slot++)
            _slots[slot] = start + (nint)(slot * bytes);
        _blocks = _ranks switch
        {
            null => new HostBlocks(_device, _slots, _count, bytes),
            NcclCommunicator nccl => new ShardedBlocks(
                _device, _slots, _count, bytes, nccl.JoinAnotherGroup(), nccl.Rank, nccl.Size),
            _ => new GatheredBlocks(_slots, _count, bytes, _ranks),
        };
    }

    /// <summary>A bound: each of a weight's few tensors begins at a multiple of the alignment.</summary>
    private static long SizeOf(FrozenWeight weight) => Aligned(weight.ByteCount) + 4 * Alignment;

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
