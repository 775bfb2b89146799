using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native.Distributed;

/// <summary>
/// The MPI library of this machine, Open MPI or MPICH (and what keeps MPICH's binary interface: Intel MPI, Cray),
/// loaded when it is first needed.
/// </summary>
/// <remarks>
/// Reference: MPI 3.1. What C programs see as constants are addresses of symbols in Open MPI and numbers in MPICH; both
/// are passed here as a word.
/// </remarks>
internal sealed unsafe partial class MpiLibrary
{
    // dlopen: the plug-ins of Open MPI look its symbols up globally.
    private const int Lazy = 1, Global = 0x100;

    private const int Serialized = 2; // MPI_THREAD_SERIALIZED: several threads, one call at a time

    private static readonly string[] s_openMpi = ["libmpi.so.40", "libmpi.so"],
        s_mpich = ["libmpi.so.12", "libmpich.so.12"];
    private static readonly Lazy<MpiLibrary> s_loaded = new(Load);

    private readonly nint _library;
    private readonly nint _world, _byte, _float, _double, _sum, _inPlace, _ignored;
    private readonly delegate* unmanaged<void*, int, nint, int, nint, int> _broadcast;
    private readonly delegate* unmanaged<nint, void*, int, nint, nint, nint, int> _allReduce;
    private readonly delegate* unmanaged<nint, void*, int, nint, nint, nint, nint*, int> _beginAllReduce;
    private readonly delegate* unmanaged<nint*, nint, int> _wait;
    private readonly delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int> _allGather, _allToAll;

    private MpiLibrary(nint library, string name)
    {
        (_library, Name) = (library, name);
        IsOpenMpi = NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _world);
        if (IsOpenMpi)
        {
            (_byte, _float, _double) = (Export("ompi_mpi_byte"), Export("ompi_mpi_float"), Export("ompi_mpi_double"));
            (_sum, _inPlace, _ignored) = (Export("ompi_mpi_op_sum"), 1, 0);
        }
        else
        {
            _world = 0x44000000;
            (_byte, _float, _double) = (0x4c00010d, 0x4c00040a, 0x4c00080b);
            (_sum, _inPlace, _ignored) = (0x58000003, -1, 1);
        }

        _broadcast = (delegate* unmanaged<void*, int, nint, int, nint, int>)Export("MPI_Bcast");
        _allReduce = (delegate* unmanaged<nint, void*, int, nint, nint, nint, int>)Export("MPI_Allreduce");
        _beginAllReduce = (delegate* unmanaged<nint, void*, int, nint, nint, nint, nint*, int>)Export("MPI_Iallreduce");
        _wait = (delegate* unmanaged<nint*, nint, int>)Export("MPI_Wait");
        _allGather = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int>)Export("MPI_Allgather");
        _allToAll = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int>)Export("MPI_Alltoall");
    }

    /// <summary>The library, loaded once.</summary>
    /// <exception cref="DeviceException">There is none.</exception>
    public static MpiLibrary Loaded => s_loaded.Value;

    /// <summary>The file it was loaded from.</summary>
    public string Name { get; }

    /// <summary>Open MPI's binary interface; otherwise MPICH's.</summary>
    public bool IsOpenMpi { get; }

    /// <summary>Joins the other processes; once in a process.</summary>
    /// <returns>All of them.</returns>
    public nint Initialize()
    {
        var initialize = (delegate* unmanaged<void*, void*, int, int*, int>)Export("MPI_Init_thread");
        int provided;
        Require(initialize(null, null, Serialized, &provided), "MPI_Init_thread");
        return _world;
    }

    /// <summary>This process in a group, and how many there are.</summary>
    public (int Rank, int Size) Place(nint group)
    {
        int rank, size;
        Require(((delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_rank"))(group, &rank), "MPI_Comm_rank");
        Require(((delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_size"))(group, &size), "MPI_Comm_size");
        return (rank, size);
    }

    /// <summary>Divides a group by colour; the order stays.</summary>
    public nint Split(nint group, int colour)
    {
        nint part = 0; // MPICH writes the lower half alone
        var split = (delegate* unmanaged<nint, int, int, nint*, int>)Export("MPI_Comm_split");
        Require(split(group, colour, 0, &part), "MPI_Comm_split");
        return part;
    }

    /// <summary>Leaves a group that <see cref="Split"/> made.</summary>
    public void Leave(nint group) =>
        Require(((delegate* unmanaged<nint*, int>)Export("MPI_Comm_free"))(&group), "MPI_Comm_free");

    /// <summary>Ends MPI in this process; every rank has to.</summary>
    public void Complete() => Require(((delegate* unmanaged<int>)Export("MPI_Finalize"))(), "MPI_Finalize");

    /// <summary>Waits for all.</summary>
    public void Wait(nint group) =>
        Require(((delegate* unmanaged<nint, int>)Export("MPI_Barrier"))(group), "MPI_Barrier");

    /// <summary>Everybody gets rank 0's bytes.</summary>
    public void Broadcast(nint group, byte* values, int count) =>
        Require(_broadcast(values, count, _byte, 0, group), "MPI_Bcast");

    /// <summary>Sums over all ranks, in place.</summary>
    public void Sum(nint group, float* values, int count) =>
        Require(_allReduce(_inPlace, values, count, _float, _sum, group), "MPI_Allreduce");

    /// <inheritdoc cref="Sum(nint, float*, int)"/>
    public void Sum(nint group, double* values, int count) =>
        Require(_allReduce(_inPlace, values, count, _double, _sum, group), "MPI_Allreduce");

    /// <summary>
    /// The same, to be awaited by <see cref="Complete(nint)"/>; the values stay where they are until then.
    /// </summary>
    public nint BeginSum(nint group, float* values, int count)
    {
        nint request = 0;
        Require(_beginAllReduce(_inPlace, values, count, _float, _sum, group, &request), "MPI_Iallreduce");
        return request;
    }

    /// <summary>Waits for what was begun.</summary>
    public void Complete(nint request) => Require(_wait(&request, _ignored), "MPI_Wait");

    /// <summary>All ranks' bytes, as many of each, one after the other.</summary>
    public void Gather(nint group, byte* own, long bytes, byte* all)
    {
        var (count, type) = Counted(bytes);
        Require(_allGather(own, count, type, all, count, type, group), "MPI_Allgather");
    }

    /// <summary>A part for each rank, as many bytes each; part j of what is received is rank j's.</summary>
    public void Exchange(nint group, byte* own, long bytes, byte* received)
    {
        var (count, type) = Counted(bytes);
        Require(_allToAll(own, count, type, received, count, type, group), "MPI_Alltoall");
    }

    /// <summary>Counts have 32 bits: larger elements where that is possible.</summary>
    private (int Count, nint Type) Counted(long bytes) =>
        bytes % sizeof(double) == 0 ? (checked((int)(bytes / sizeof(double))), _double) : (checked((int)bytes), _byte);

    private static MpiLibrary Load()
    {
        // Both may be installed; the launcher's own is the one whose ranks find each other.
        var isMpich = Environment.GetEnvironmentVariable("PMI_RANK") is not null
            && Environment.GetEnvironmentVariable("OMPI_COMM_WORLD_RANK") is null;
        string[] names = isMpich ? [.. s_mpich, .. s_openMpi] : [.. s_openMpi, .. s_mpich];
        foreach (var name in names)
        {
            var library = dlopen(name, Lazy | Global);
            if (library != 0)
                return new MpiLibrary(library, name);
        }

        throw new DeviceException(
            $"No MPI library is found (looked for {string.Join(", ", names)}). Install Open MPI (Debian: "
            + "libopenmpi3 and openmpi-bin) or MPICH (libmpich12), or set LD_LIBRARY_PATH to where it is.");
    }

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);

    private static void Require(int status, string call)
    {
        if (status != 0)
            throw new DeviceException($"{call} failed with status {status}.");
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint dlopen(string name, int flags);
}
