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
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    /// <summary>How long ranks wait for each other: the slowest may have to pull an image first.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromMinutes(5);

    /// <summary>Replaces bytes by those of rank 0.</summary>
    /// <param name="place">This rank.</param>
    /// <param name="bytes">As many on every rank.</param>
    /// <param name="patience">How long to wait; null for <see cref="Patience"/>.</param>
    /// <exception cref="DeviceException">Somebody did not come.</exception>
    public static void Broadcast(LaunchedRank place, Span<byte> bytes, TimeSpan? patience = null)
    {
        if (place.Rank == 0)
            Tell(place, bytes.ToArray(), patience ?? Patience);
        else
            Ask(place, patience ?? Patience, bytes.Length).CopyTo(bytes);
    }

    private static void Tell(LaunchedRank place, byte[] bytes, TimeSpan patience)
    {
        using var listener = Listen(place);
        var missing = listener.Receive(place.Token, place.Size, patience, (_, socket) =>
        {
            try
            {
                RankGreeting.SendAll(socket, bytes);
                socket.Dispose();
                return true;
            }
            catch (SocketException)
            {
                return false; // it will come again
            }
        });
        if (missing.Count > 0)
            throw Failure(
                patience, $"rank {string.Join(", ", missing.Order().Take(8))} did not come to {place.MasterAddress}:"
                    + $"{place.MasterPort}");
    }

    private static RankListener Listen(LaunchedRank place)
    {
        try
        {
            var isLocal = IPAddress.TryParse(place.MasterAddress, out var address) && IPAddress.IsLoopback(address);
            return new RankListener(place.MasterPort, isLocal);
        }
        catch (SocketException fault)
        {
            throw new DeviceException(
                $"Rank 0 cannot listen at port {place.MasterPort}, where the others look for it: {fault.Message}. Set "
                + "MASTER_PORT to a free one for all ranks.", fault);
        }
    }

    private static byte[] Ask(LaunchedRank place, TimeSpan patience, int count)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                socket.Connect(place.MasterAddress, place.MasterPort);
                RankGreeting.Send(socket, place.Token, place.Rank);
                return RankGreeting.ReceiveAll(socket, count);
            }
            catch (SocketException fault)
            {
                // Rank 0 may not be that far, or another program still listens there.
                if (clock.Elapsed > patience)
                    throw Failure(
                        patience,
                        $"rank 0 does not answer at {place.MasterAddress}:{place.MasterPort} ({fault.Message})");
                Thread.Sleep(s_pause);
            }
        }
    }

    private static DeviceException Failure(TimeSpan patience, string reason) => new(
        $"The ranks did not find each other within {patience.TotalSeconds:0} seconds: {reason}. Are all started, with "
        + "the same MASTER_ADDR, MASTER_PORT and LORIKEET_RANKS_TOKEN, and may they connect to it?");
}
