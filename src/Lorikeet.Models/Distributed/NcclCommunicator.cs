using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Native.Distributed;
using static TorchSharp.torch;

namespace Lorikeet.Models.Distributed;

/// <summary>
/// Ranks with a CUDA device each. What lies on the host goes over MPI if it is there, else over the devices.
/// </summary>
internal sealed unsafe class NcclCommunicator : Communicator
{
    private readonly Communicator? _mpi;
    private readonly CudaDevice _device;
    private readonly Device _torchDevice;
    private readonly NcclGroup _group;
    private SideSums? _sums;
    private readonly StrongBox<bool> _isBroken; // of all groups that were split off

    /// <summary>Joins the group; returns once all ranks have.</summary>
    /// <param name="place">Names the device, and for ranks without MPI where rank 0 is.</param>
    /// <param name="rank">This process among all.</param>
    /// <param name="size">How many.</param>
    /// <param name="mpi">Joined already, if there is MPI; becomes this object's.</param>
    public NcclCommunicator(LaunchedRank place, int rank, int size, Communicator? mpi)
    {
        (Rank, Size, _mpi, _isBroken) = (rank, size, mpi, new StrongBox<bool>());
        _torchDevice = ComputeDevice.Resolve($"cuda:{place.LocalRank}");
        _device = CudaDevice.Of(place.LocalRank);
        _device.Activate();
        var id = IsFirst ? NcclLibrary.NewGroup() : default;
        var bytes = MemoryMarshal.AsBytes(new Span<NcclLibrary.GroupId>(ref id));
        if (mpi is not null)
            mpi.Broadcast(bytes);
        else
            Rendezvous.Broadcast(place, bytes);
        _group = Join(id);
    }

    private NcclCommunicator(NcclCommunicator whole, int rank, int size, Communicator? mpi, NcclLibrary.GroupId id)
    {
        (Rank, Size, _mpi, _isBroken) = (rank, size, mpi, whole._isBroken);
        (_torchDevice, _device) = (whole._torchDevice, whole._device);
        _group = Join(id);
    }

    /// <summary>
    /// One more group of the same ranks, for work on another stream: one group's operations must come in one order.
    /// </summary>
    public NcclGroup JoinAnotherGroup()
    {
        var id = IsFirst ? NcclLibrary.NewGroup() : default;
        Broadcast(MemoryMarshal.AsBytes(new Span<NcclLibrary.GroupId>(ref id)));
        return Join(id);
    }

    private NcclGroup Join(NcclLibrary.GroupId id)
    {
        _device.Activate();
        return new NcclGroup(NcclLibrary.Join(id, Rank, Size), _device, () => _isBroken.Value);
    }

    public override Communicator Split(int colour)
    {
        var colours = MemoryMarshal.Cast<byte, int>(Gather(BitConverter.GetBytes(colour))).ToArray();
        int[] members = [.. Enumerable.Range(0, Size).Where(rank => colours[rank] == colour)];
        var id = members[0] == Rank ? NcclLibrary.NewGroup() : default;
        var ids = MemoryMarshal.Cast<byte, NcclLibrary.GroupId>(
            Gather(MemoryMarshal.AsBytes(new ReadOnlySpan<NcclLibrary.GroupId>(ref id)))).ToArray();
        return new NcclCommunicator(
            this, Array.IndexOf(members, Rank), members.Length, _mpi?.Split(colour), ids[members[0]]);
    }

    public override int Rank { get; }

    public override int Size { get; }

    public override string Device => $"cuda:{_device.Index}";

    public override string Transport => _mpi is null ? "NCCL" : $"NCCL and {_mpi.Transport}";

    public override void Sum(Tensor values)
    {
        if (values.dtype != ScalarType.Float32)
            throw new ArgumentException($"float32 was expected, not {values.dtype}.", nameof(values));
        _device.Activate();
        NcclLibrary.Sum(
            _group.Handle, _device.Stream, TensorMemory.Address(values), values.NumberOfElements, NcclLibrary.Float32);
    }

    public override void Sum(Span<double> values)
    {
        if (_mpi is not null)
        {
            _mpi.Sum(values);
            return;
        }

        using var device = OnDevice(MemoryMarshal.AsBytes(values));
        NcclLibrary.Sum(
            _group.Handle, _device.Stream, TensorMemory.Address(device), values.Length, NcclLibrary.Float64);
        Read(device, MemoryMarshal.AsBytes(values));
    }

    public override void Broadcast(Tensor values)
    {
        if (values.device_type == TorchSharp.DeviceType.CUDA)
        {
            _device.Activate();
            NcclLibrary.Broadcast(
                _group.Handle, _device.Stream, TensorMemory.Address(values),
                values.NumberOfElements * values.ElementSize);
            return;
        }

        var bytes = new Span<byte>(
            TensorMemory.Pointer(values), checked((int)(values.NumberOfElements * values.ElementSize)));
        Broadcast(bytes);
    }

    public override void Broadcast(Span<byte> bytes)
    {
        if (_mpi is not null)
        {
            _mpi.Broadcast(bytes);
            return;
        }

        using var device = OnDevice(bytes);
        NcclLibrary.Broadcast(_group.Handle, _device.Stream, TensorMemory.Address(device), bytes.Length);
        Read(device, bytes);
    }

    public override byte[] Gather(ReadOnlySpan<byte> own)
    {
        if (_mpi is not null)
            return _mpi.Gather(own);
        var all = new byte[own.Length * Size];
        using var from = OnDevice(own);
        using var to = OnDevice(all);
        NcclLibrary.Gather(
            _group.Handle, _device.Stream, TensorMemory.Address(from), TensorMemory.Address(to), own.Length);
        Read(to, all);
        return all;
    }

    internal override void Gather(Tensor own, Tensor all)
    {
        _device.Activate();
        NcclLibrary.Gather(
            _group.Handle, _device.Stream, TensorMemory.Address(own), TensorMemory.Address(all),
            own.NumberOfElements * own.ElementSize);
    }

    internal override void Exchange(Tensor own, Tensor received)
    {
        _device.Activate();
        NcclLibrary.Exchange(
            _group.Handle, _device.Stream, TensorMemory.Address(own), TensorMemory.Address(received),
            own.NumberOfElements * own.ElementSize / Size, Size);
    }

    internal override void BeginSum(Tensor values)
    {
        _device.Activate();
        (_sums ??= new SideSums(JoinAnotherGroup(), _device)).Begin(values);
    }

    internal override void EndSums() => _sums?.End();

    public override void Wait()
    {
        Span<double> nothing = [0];
        Sum(nothing);
    }

    public override void Abandon() => _isBroken.Value = true;

    public override void Dispose()
    {
        _sums?.Dispose();
        _group.Dispose();
        _mpi?.Dispose();
    }

    private Tensor OnDevice(ReadOnlySpan<byte> bytes)
    {
        _device.Activate();
        using var host = empty(Math.Max(1, bytes.Length), ScalarType.Byte);
        bytes.CopyTo(TensorMemory.Span<byte>(host));
        return host.to(_torchDevice).DetachFromDisposeScope();
    }

    private static void Read(Tensor device, Span<byte> bytes)
    {
        using var host = device.cpu();
        TensorMemory.Span<byte>(host)[..bytes.Length].CopyTo(bytes);
    }
}
