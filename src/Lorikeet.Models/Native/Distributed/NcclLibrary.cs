using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native.Distributed;

/// <summary>NCCL, the collective operations of CUDA devices, loaded when it is first needed.</summary>
/// <remarks>Reference: NCCL 2, nccl.h. Sums and transfers are queued on a stream of CUDA.</remarks>
internal static unsafe class NcclLibrary
{
    private const int SumOperation = 0; // ncclSum

    private static readonly Lazy<nint> s_library = new(Load);

    /// <summary>Types of elements (ncclDataType_t).</summary>
    public const int Byte = 1, Float32 = 7, Float64 = 8;

    /// <summary>A name for a group of ranks, made by one and shared with all.</summary>
    [StructLayout(LayoutKind.Sequential, Size = Bytes)]
    public struct GroupId
    {
        public const int Bytes = 128;
    }

    /// <summary>A new group's name.</summary>
    public static GroupId NewGroup()
    {
        GroupId id;
        Require(((delegate* unmanaged<GroupId*, int>)Export("ncclGetUniqueId"))(&id), "ncclGetUniqueId");
        return id;
    }

    /// <summary>Joins a group, on the device that is current; returns once all have.</summary>
    public static nint Join(GroupId group, int rank, int size)
    {
        nint communicator;
        var join = (delegate* unmanaged<nint*, int, GroupId, int, int>)Export("ncclCommInitRank");
        Require(join(&communicator, size, group, rank), "ncclCommInitRank");
        return communicator;
    }

    /// <summary>Sums over all ranks, in place, in memory of the device.</summary>
    public static void Sum(nint communicator, nint stream, byte* values, long count, int type)
    {
        var reduce = (delegate* unmanaged<byte*, byte*, nuint, int, int, nint, nint, int>)Export("ncclAllReduce");
        Require(reduce(values, values, (nuint)count, type, SumOperation, communicator, stream), "ncclAllReduce");
    }

    /// <summary>Everybody gets rank 0's bytes.</summary>
    public static void Broadcast(nint communicator, nint stream, byte* values, long bytes)
    {
        var broadcast = (delegate* unmanaged<byte*, byte*, nuint, int, int, nint, nint, int>)Export("ncclBroadcast");
        Require(broadcast(values, values, (nuint)bytes, Byte, 0, communicator, stream), "ncclBroadcast");
    }

    /// <summary>All ranks' bytes, as many of each, one after the other.</summary>
    public static void Gather(nint communicator, nint stream, byte* own, byte* all, long bytes)
    {
        var gather = (delegate* unmanaged<byte*, byte*, nuint, int, nint, nint, int>)Export("ncclAllGather");
        Require(gather(own, all, (nuint)bytes, Byte, communicator, stream), "ncclAllGather");
    }

    /// <summary>A part for each rank, as many bytes each; part j of what is received is rank j's.</summary>
    public static void Exchange(nint communicator, nint stream, byte* own, byte* received, long bytes, int ranks)
    {
        var send = (delegate* unmanaged<byte*, nuint, int, int, nint, nint, int>)Export("ncclSend");
        var receive = (delegate* unmanaged<byte*, nuint, int, int, nint, nint, int>)Export("ncclRecv");
        Require(((delegate* unmanaged<int>)Export("ncclGroupStart"))(), "ncclGroupStart");
        for (var peer = 0; peer < ranks; peer++)
        {
            Require(send(own + peer * bytes, (nuint)bytes, Byte, peer, communicator, stream), "ncclSend");
            Require(receive(received + peer * bytes, (nuint)bytes, Byte, peer, communicator, stream), "ncclRecv");
        }

        Require(((delegate* unmanaged<int>)Export("ncclGroupEnd"))(), "ncclGroupEnd");
    }

    /// <summary>Leaves a group in order: every rank does, once what it queued is done.</summary>
    public static void Leave(nint communicator) =>
        Require(((delegate* unmanaged<nint, int>)Export("ncclCommDestroy"))(communicator), "ncclCommDestroy");

    /// <summary>Leaves a group whose other ranks may be gone; what is queued is given up.</summary>
    public static void Abort(nint communicator) =>
        ((delegate* unmanaged<nint, int>)Export("ncclCommAbort"))(communicator);

    private static nint Load() => NativeLibrary.TryLoad("libnccl.so.2", out var library) ? library
        : throw new DeviceException(
            "NCCL is not found (libnccl.so.2). It comes with every Python install of torch with CUDA, in "
            + "site-packages/nvidia/nccl/lib: add that folder to LD_LIBRARY_PATH.");

    private static nint Export(string name) => NativeLibrary.GetExport(s_library.Value, name);

    private static void Require(int status, string call)
    {
        if (status == 0)
            return;
        var text = (delegate* unmanaged<int, byte*>)Export("ncclGetErrorString");
        throw new DeviceException(
            $"{call} failed: {Marshal.PtrToStringUTF8((nint)text(status))}. NCCL_DEBUG=INFO says more.");
    }
}
