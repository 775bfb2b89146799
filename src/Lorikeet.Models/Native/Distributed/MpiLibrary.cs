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

    private static readonly string[] s_names = ["libmpi.so.40", "libmpi.so.12", "libmpich.so.12", "libmpi.so"];
    private static readonly Lazy<MpiLibrary> s_loaded = new(Load);

    private readonly nint _library;
    private readonly nint _world, _byte, _float, _double, _sum, _inPlace;
    private readonly delegate* unmanaged<void*, int, nint, int, nint, int> _broadcast;
    private readonly delegate* unmanaged<nint, void*, int, nint, nint, nint, int> _allReduce;
    private readonly delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int> _allGather;

    private MpiLibrary(nint library, string name)
    {
        (_library, Name) = (library, name);
        IsOpenMpi = NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _world);
        if (IsOpenMpi)
        {
            (_byte, _float, _double) = (Export("ompi_mpi_byte"), Export("ompi_mpi_float"), Export("ompi_mpi_double"));
            (_sum, _inPlace) = (Export("ompi_mpi_op_sum"), 1);
        }
        else
        {
            _world = 0x44000000;
            (_byte, _float, _double) = (0x4c00010d, 0x4c00040a, 0x4c00080b);
            (_sum, _inPlace) = (0x58000003, -1);
        }

        _broadcast = (delegate* unmanaged<void*, int, nint, int, nint, int>)Export("MPI_Bcast");
        _allReduce = (delegate* unmanaged<nint, void*, int, nint, nint, nint, int>)Export("MPI_Allreduce");
        _allGather = (delegate* unmanaged<void*, int, nint, void*, int, nint, nint, int>)Export("MPI_Allgather");
    }

    /// <summary>The library, loaded once.</summary>
    /// <exception cref="DeviceException">There is none.</exception>
    public static MpiLibrary Loaded => s_loaded.Value;

    /// <summary>The file it was loaded from.</summary>
    public string Name { get; }

    /// <summary>Open MPI's binary interface; otherwise MPICH's.</summary>
    public bool IsOpenMpi { get; }

    /// <summary>Joins the other processes; once in a process.</summary>
    public (int Rank, int Size) Initialize()
    {
        var initialize = (delegate* unmanaged<void*, void*, int, int*, int>)Export("MPI_Init_thread");
        int provided, rank, size;
        Require(initialize(null, null, Serialized, &provided), "MPI_Init_thread");
        Require(((delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_rank"))(_world, &rank), "MPI_Comm_rank");
        Require(((delegate* unmanaged<nint, int*, int>)Export("MPI_Comm_size"))(_world, &size), "MPI_Comm_size");
        return (rank, size);
    }

    /// <summary>Leaves; every rank has to.</summary>
    public void Complete() => Require(((delegate* unmanaged<int>)Export("MPI_Finalize"))(), "MPI_Finalize");

    /// <summary>Waits for all.</summary>
    public void Wait() => Require(((delegate* unmanaged<nint, int>)Export("MPI_Barrier"))(_world), "MPI_Barrier");

    /// <summary>Everybody gets rank 0's bytes.</summary>
    public void Broadcast(byte* values, int count) =>
        Require(_broadcast(values, count, _byte, 0, _world), "MPI_Bcast");

    /// <summary>Sums over all ranks, in place.</summary>
    public void Sum(float* values, int count) =>
        Require(_allReduce(_inPlace, values, count, _float, _sum, _world), "MPI_Allreduce");

    /// <inheritdoc cref="Sum(float*, int)"/>
    public void Sum(double* values, int count) =>
        Require(_allReduce(_inPlace, values, count, _double, _sum, _world), "MPI_Allreduce");

    /// <summary>All ranks' bytes, as many of each, one after the other.</summary>
    public void Gather(byte* own, int count, byte* all) =>
        Require(_allGather(own, count, _byte, all, count, _byte, _world), "MPI_Allgather");

    private static MpiLibrary Load()
    {
        foreach (var name in s_names)
        {
            var library = dlopen(name, Lazy | Global);
            if (library != 0)
                return new MpiLibrary(library, name);
        }

        throw new DeviceException(
            $"No MPI library is found (looked for {string.Join(", ", s_names)}). Install Open MPI (Debian: "
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
