using System.Runtime.InteropServices;
using System.Text;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Distributed;

/// <summary>
/// The processes that train one model together, a rank each, and what they tell each other. Every rank makes the same
/// calls in the same order.
/// </summary>
/// <remarks>Not for several threads at once.</remarks>
public abstract class Communicator : IDisposable
{
    /// <summary>One process by itself, which talks to nobody.</summary>
    public static Communicator Alone { get; } = new SingleCommunicator();

    /// <summary>This process among the others, from 0.</summary>
    public abstract int Rank { get; }

    /// <summary>How many they are.</summary>
    public abstract int Size { get; }

    /// <summary>Whether this is rank 0, which writes the files.</summary>
    public bool IsFirst => Rank == 0;

    /// <summary>What carries the messages, for reports.</summary>
    public abstract string Transport { get; }

    /// <summary>The device of this rank, such as cuda:3.</summary>
    /// <value>Null: where the options say, as for one process.</value>
    public virtual string? Device => null;

    /// <summary>
    /// Joins the processes that a launcher (mpirun, srun, torchrun, or Lorikeet itself) started together with this one.
    /// </summary>
    /// <param name="place">What the launcher says; <see cref="LaunchedRank.Detect()"/> reads it.</param>
    /// <param name="device">
    /// The option device: on CUDA, each rank takes the device of its number on its machine, and NCCL reduces there.
    /// </param>
    /// <returns><see cref="Alone"/> for a process that was started by itself.</returns>
    /// <exception cref="DeviceException">MPI or NCCL is missing, or the others do not answer.</exception>
    /// <exception cref="ConfigurationException">The launcher's variables contradict each other.</exception>
    public static Communicator Join(LaunchedRank? place, string device)
    {
        if (place is null || place.Size == 1)
            return Alone;
        var usesCuda = ComputeDevice.Resolve(device).type == TorchSharp.DeviceType.CUDA;
        if (!usesCuda)
            LocalCores.Divide(place.LocalSize);
        if (place.HasMpi)
        {
            var mpi = new MpiCommunicator();
            if ((mpi.Rank, mpi.Size) != (place.Rank, place.Size))
                throw new ConfigurationException(
                    $"The launcher says rank {place.Rank} of {place.Size}, and {mpi.Transport} rank {mpi.Rank} of "
                    + $"{mpi.Size}. Launcher and library must be of one MPI: start with the mpirun that belongs to "
                    + "that library, or put the library of this one first in LD_LIBRARY_PATH.");
            return usesCuda ? new NcclCommunicator(place, mpi.Rank, mpi.Size, mpi) : mpi;
        }

        return usesCuda ? new NcclCommunicator(place, place.Rank, place.Size, null) : throw new ConfigurationException(
            $"This is rank {place.Rank} of {place.Size} on CPUs, and nothing is there to sum their gradients. Ranks on "
            + "CPUs use MPI: start them with 'mpirun -np N lorikeet train ...', or give num_processes, which does it.");
    }

    /// <summary>Sums values over all ranks, in place; all get the same bits.</summary>
    /// <param name="values">float32, contiguous, on the device of the model.</param>
    public abstract void Sum(Tensor values);

    /// <summary>The same for a few numbers of the host.</summary>
    public abstract void Sum(Span<double> values);

    /// <summary>Replaces values by those of rank 0.</summary>
    /// <param name="values">Contiguous, on the device of the model or the host; as many bytes on every rank.</param>
    public abstract void Broadcast(Tensor values);

    /// <summary>Replaces bytes by those of rank 0; as many on every rank.</summary>
    public abstract void Broadcast(Span<byte> bytes);

    /// <summary>The bytes of all ranks, as many of each, by rank.</summary>
    public abstract byte[] Gather(ReadOnlySpan<byte> own);

    /// <summary>Parts change places: part i of <paramref name="own"/> goes to rank i.</summary>
    /// <param name="own">As many equal parts as ranks, contiguous, on the device of the model or the host.</param>
    /// <param name="received">As large; part j receives what rank j had for this one.</param>
    internal abstract void Exchange(Tensor own, Tensor received);

    /// <summary>The tensors of all ranks end to end, by rank.</summary>
    /// <param name="own">Contiguous; as many bytes on every rank.</param>
    /// <param name="all">As many of them as ranks.</param>
    internal abstract void Gather(Tensor own, Tensor all);

    /// <summary>
    /// Begins a sum over all ranks and goes on; the values must not be touched before <see cref="EndSums"/>.
    /// </summary>
    /// <param name="values">As for <see cref="Sum(Tensor)"/>, ready when what is queued on the device is done.</param>
    internal virtual void BeginSum(Tensor values) => Sum(values);

    /// <summary>Has what follows wait for the sums that were begun.</summary>
    internal virtual void EndSums()
    {
    }

    /// <summary>The ranks of one colour among themselves, in their order here; all ranks call.</summary>
    /// <param name="colour">From 0; this rank's group.</param>
    /// <returns>Dispose it before this.</returns>
    public abstract Communicator Split(int colour);

    /// <summary>Waits until all ranks have come here.</summary>
    public abstract void Wait();

    /// <summary>
    /// Says that this rank has failed and will make no more calls: leaving waits for nobody, and what is queued is
    /// given up.
    /// </summary>
    public virtual void Abandon()
    {
    }

    /// <summary>Whether any rank says so.</summary>
    public bool Any(bool own)
    {
        Span<double> count = [own ? 1 : 0];
        Sum(count);
        return count[0] > 0;
    }

    /// <summary>The text of rank 0.</summary>
    public string Broadcast(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var length = bytes.Length;
        Broadcast(MemoryMarshal.AsBytes(new Span<int>(ref length)));
        Array.Resize(ref bytes, length);
        Broadcast(bytes.AsSpan());
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>The texts of all ranks, by rank.</summary>
    public IReadOnlyList<string> Gather(string own)
    {
        var bytes = Encoding.UTF8.GetBytes(own);
        var lengths = MemoryMarshal.Cast<byte, int>(Gather(BitConverter.GetBytes(bytes.Length))).ToArray();
        var longest = lengths.Max();
        Array.Resize(ref bytes, longest);
        var all = Gather(bytes.AsSpan());
        return [.. lengths.Select((length, rank) => Encoding.UTF8.GetString(all, rank * longest, length))];
    }

    /// <inheritdoc/>
    public abstract void Dispose();
}
