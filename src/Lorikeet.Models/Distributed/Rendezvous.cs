using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Lorikeet.Models.Distributed;

/// <summary>
/// How ranks without MPI meet: rank 0 listens where MASTER_ADDR and MASTER_PORT say, and tells each that comes a few
/// bytes, such as the name of their NCCL group. Everything after that goes over NCCL.
/// </summary>
internal static class Rendezvous
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Replaces bytes by those of rank 0.</summary>
    /// <exception cref="DeviceException">Somebody did not come.</exception>
    public static void Broadcast(LaunchedRank place, Span<byte> bytes)
    {
        if (place.Rank == 0)
            Tell(place, bytes);
        else
            Ask(place, bytes);
    }

    private static void Tell(LaunchedRank place, ReadOnlySpan<byte> bytes)
    {
        using var listener = new TcpListener(IPAddress.Any, place.MasterPort);
        try
        {
            listener.Start();
        }
        catch (SocketException fault)
        {
            throw new DeviceException(
                $"Rank 0 cannot listen at port {place.MasterPort}, where the others look for it: {fault.Message}. Set "
                + "MASTER_PORT to a free one for all ranks.", fault);
        }

        var clock = Stopwatch.StartNew();
        var missing = Enumerable.Range(1, place.Size - 1).ToHashSet();
        Span<byte> number = stackalloc byte[sizeof(int)];
        while (missing.Count > 0)
        {
            if (!listener.Pending())
            {
                Require(clock, $"rank {string.Join(", ", missing.Take(8))} did not come to {place.MasterAddress}:"
                    + $"{place.MasterPort}");
                Thread.Sleep(s_pause);
                continue;
            }

            using var client = listener.AcceptTcpClient();
            client.GetStream().ReadExactly(number);
            missing.Remove(BitConverter.ToInt32(number));
            client.GetStream().Write(bytes);
        }
    }

    private static void Ask(LaunchedRank place, Span<byte> bytes)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var client = new TcpClient(place.MasterAddress, place.MasterPort);
                client.GetStream().Write(BitConverter.GetBytes(place.Rank));
                client.GetStream().ReadExactly(bytes);
                return;
            }
            catch (Exception fault) when (fault is SocketException or IOException)
            {
                // Rank 0 may not be that far.
                Require(clock, $"rank 0 does not answer at {place.MasterAddress}:{place.MasterPort} ({fault.Message})");
                Thread.Sleep(s_pause);
            }
        }
    }

    private static void Require(Stopwatch clock, string otherwise)
    {
        if (clock.Elapsed > s_patience)
            throw new DeviceException(
                $"The ranks did not find each other within {s_patience.TotalMinutes:0} minutes: {otherwise}. Are all "
                + "started, with the same MASTER_ADDR and MASTER_PORT, and may they connect to it?");
    }
}
