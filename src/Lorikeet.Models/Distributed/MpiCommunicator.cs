using System.Runtime.InteropServices;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Distributed;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Distributed;

/// <summary>Ranks that mpirun or srun started; their tensors lie in memory of the host.</summary>
internal sealed unsafe class MpiCommunicator : Communicator
{
    private const int Most = 1 << 28; // elements of one call, which counts in 32 bits

    private readonly MpiLibrary _mpi = MpiLibrary.Loaded;
    private readonly nint _group;
    private readonly bool _isAll;
    private readonly List<nint> _begun = [];

    /// <summary>All processes that were started together; once in a process.</summary>
    public MpiCommunicator()
    {
        (_group, _isAll) = (_mpi.Initialize(), true);
        (Rank, Size) = _mpi.Place(_group);
    }

    private MpiCommunicator(nint group)
    {
        _group = group;
        (Rank, Size) = _mpi.Place(group);
    }

    public override int Rank { get; }

    public override int Size { get; }

    public override string Transport => _mpi.IsOpenMpi ? $"Open MPI ({_mpi.Name})" : $"MPICH ({_mpi.Name})";

    public override void Sum(Tensor values)
    {
        if (values.dtype != ScalarType.Float32)
            throw new ArgumentException($"float32 was expected, not {values.dtype}.", nameof(values));
        using var host = new HostTensor(values);
        for (var start = 0L; start < values.NumberOfElements; start += Most)
            _mpi.Sum(_group, (float*)host.Pointer + start, (int)Math.Min(Most, values.NumberOfElements - start));
        host.WriteBack();
    }

    public override void Sum(Span<double> values)
    {
        fixed (double* first = values)
            _mpi.Sum(_group, first, values.Length);
    }

    public override void Broadcast(Tensor values)
    {
        using var host = new HostTensor(values);
        var bytes = values.NumberOfElements * values.ElementSize;
        for (var start = 0L; start < bytes; start += Most)
            _mpi.Broadcast(_group, host.Pointer + start, (int)Math.Min(Most, bytes - start));
        host.WriteBack();
    }

    public override void Broadcast(Span<byte> bytes)
    {
        fixed (byte* first = bytes)
            _mpi.Broadcast(_group, first, bytes.Length);
    }

    public override byte[] Gather(ReadOnlySpan<byte> own)
    {
        var all = new byte[own.Length * Size];
        fixed (byte* from = own, to = all)
            _mpi.Gather(_group, from, own.Length, to);
        return all;
    }

    internal override void Gather(Tensor own, Tensor all)
    {
        using HostTensor from = new(own), to = new(all);
        _mpi.Gather(_group, from.Pointer, own.NumberOfElements * own.ElementSize, to.Pointer);
        to.WriteBack();
    }

    internal override void Exchange(Tensor own, Tensor received)
    {
        using HostTensor from = new(own), to = new(received);
        _mpi.Exchange(_group, from.Pointer, own.NumberOfElements * own.ElementSize / Size, to.Pointer);
        to.WriteBack();
    }

    internal override void BeginSum(Tensor values)
    {
        if (values.device_type != DeviceType.CPU)
        {
            Sum(values);
            return;
        }

        for (var start = 0L; start < values.NumberOfElements; start += Most)
            _begun.Add(_mpi.BeginSum(
                _group, (float*)TensorMemory.Pointer(values) + start,
                (int)Math.Min(Most, values.NumberOfElements - start)));
    }

    internal override void EndSums()
    {
        _begun.ForEach(sum => _mpi.Complete(sum));
        _begun.Clear();
    }

    public override Communicator Split(int colour) => new MpiCommunicator(_mpi.Split(_group, colour));

    public override void Wait() => _mpi.Wait(_group);

    public override void Dispose()
    {
        if (_isAll)
            _mpi.Complete();
        else
            _mpi.Leave(_group);
    }

    /// <summary>A tensor in memory of the host: itself, or a copy of what lies on a device.</summary>
    private sealed class HostTensor : IDisposable
    {
        private readonly Tensor _values;
        private readonly Tensor? _copy;

        public HostTensor(Tensor values)
        {
            _values = values;
            _copy = values.device_type == DeviceType.CPU ? null : values.cpu();
            Pointer = TensorMemory.Pointer(_copy ?? values);
        }

        public byte* Pointer { get; }

        public void WriteBack()
        {
            using var quiet = no_grad();
            if (_copy is not null)
                _values.copy_(_copy);
        }

        public void Dispose() => _copy?.Dispose();
    }
}
