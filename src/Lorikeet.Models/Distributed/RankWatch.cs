using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Lorikeet.Models.Distributed;

/// <summary>
/// Notices that a rank died, hangs or cannot be reached, which would leave the others waiting in a collective
/// operation for ever. Every rank keeps a connection to rank 0 and a thread that sends a sign of life each second.
/// </summary>
public sealed class RankWatch : IDisposable
{
    private const byte Alive = (byte)'.', Done = (byte)'!', Lost = (byte)'?';
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan s_beat = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_patienceOfAddress = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_patienceToMeet = TimeSpan.FromSeconds(30);

    private readonly Communicator _ranks;
    private readonly Action<string> _lost;
    private readonly List<Peer> _peers = [];
    private readonly Thread _thread;
    private volatile bool _isDone;

    /// <summary>Connects all ranks, all of which call.</summary>
    /// <param name="ranks">Two or more.</param>
    /// <param name="lost">
    /// Called once, on a thread of its own, with a sentence that names the rank; it is to end the process, since the
    /// thread that trains may never return.
    /// </param>
    /// <exception cref="DeviceException">
    /// A rank cannot reach rank 0; all ranks it concerns throw within half a minute.
    /// </exception>
    public RankWatch(Communicator ranks, Action<string> lost)
    {
        (_ranks, _lost) = (ranks, lost);
        if (ranks.IsFirst)
            Listen();
        else
            Connect();
        _thread = new Thread(Watch) { IsBackground = true, Name = "Lorikeet ranks" };
        _thread.Start();
    }

    /// <summary>After how long without a sign of life a rank counts as lost.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(6);

    /// <summary>Ends the watch; the others are told that this rank left in order.</summary>
    public void Dispose()
    {
        if (_isDone)
            return;
        _isDone = true;
        _thread.Join();
        foreach (var peer in _peers)
        {
            peer.TrySend([Done]);
            peer.Socket.Dispose();
        }
    }

    /// <summary>Ends the watch as the death of the process would.</summary>
    internal void Abandon()
    {
        _isDone = true;
        _thread.Join();
        _peers.ForEach(peer => peer.Socket.Dispose());
    }

    private void Listen()
    {
        using var listener = new RankListener(0, isLocal: false);
        var token = RankGreeting.NewToken();
        _ranks.Broadcast($"{listener.Port} {token} {Environment.MachineName} {string.Join(' ', Addresses())}");
        var hosts = new string[_ranks.Size];
        var missing = listener.Receive(token, _ranks.Size, s_patienceToMeet, (rank, socket) =>
        {
            if (_peers.Exists(peer => peer.Rank == rank))
                return false;
            _peers.Add(new Peer(rank, () => hosts[rank], socket));
            return true;
        });
        // What the ranks could do is known to all before anybody waits for what cannot come.
        _ranks.Gather(Environment.MachineName).ToArray().CopyTo(hosts, 0);
        if (missing.Count > 0)
            throw new DeviceException(
                $"Rank {string.Join(", ", missing.Order().Take(8).Select(rank => $"{rank} on {hosts[rank]}"))} cannot "
                + $"reach rank 0 on {Environment.MachineName} (port {listener.Port}). Ranks need TCP connections "
                + "between their machines.");
    }

    private void Connect()
    {
        var parts = _ranks.Broadcast("").Split(' ');
        var (port, token, host) = (int.Parse(parts[0], CultureInfo.InvariantCulture), parts[1], parts[2]);
        var socket = parts[3..].Select(address => TryConnect(IPAddress.Parse(address), port, token))
            .FirstOrDefault(found => found is not null);
        _ranks.Gather(Environment.MachineName);
        _peers.Add(new Peer(0, () => host, socket ?? throw new DeviceException(
            $"Rank {_ranks.Rank} on {Environment.MachineName} cannot reach rank 0 on {host} (tried "
            + $"{string.Join(", ", parts[3..])}, port {port}). Ranks need TCP connections between their machines.")));
    }

    private Socket? TryConnect(IPAddress address, int port, string token)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // Addresses of networks that this machine is not on do not answer at all.
            if (!socket.ConnectAsync(address, port).Wait(s_patienceOfAddress))
                throw new SocketException((int)SocketError.TimedOut);
            RankGreeting.Send(socket, token, _ranks.Rank);
            return socket;
        }
        catch (Exception fault) when (fault is SocketException or AggregateException)
        {
            socket.Dispose();
            return null;
        }
    }

    private static IEnumerable<string> Addresses() =>
        System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(one => one.GetIPProperties().UnicastAddresses)
            .Select(one => one.Address)
            .Where(address => address.AddressFamily == AddressFamily.InterNetwork
                || address is { AddressFamily: AddressFamily.InterNetworkV6, IsIPv6LinkLocal: false })
            .OrderBy(IPAddress.IsLoopback).ThenBy(address => address.AddressFamily == AddressFamily.InterNetworkV6)
            .Select(address => address.ToString());

    private void Watch()
    {
        var beat = Stopwatch.StartNew();
        foreach (var peer in _peers)
            peer.Begin(); // the last of them may have come late
        while (!_isDone)
        {
            if (beat.Elapsed >= s_beat)
            {
                foreach (var peer in _peers)
                    peer.TrySend([Alive]);
                beat.Restart();
            }

            foreach (var peer in _peers)
            {
                if (peer.Fate() is not { } fate || _isDone)
                    continue;
                foreach (var other in _peers.Where(other => other != peer))
                    other.TrySend([Lost, .. Encoding.UTF8.GetBytes(fate)]);
                _isDone = true;
                _lost(fate);
                return;
            }

            Thread.Sleep(s_pause);
        }
    }

    /// <summary>The other end of a connection.</summary>
    private sealed class Peer(int rank, Func<string> host, Socket socket)
    {
        private readonly Stopwatch _silence = Stopwatch.StartNew();
        private readonly byte[] _buffer = new byte[1024];
        private bool _left;

        public int Rank => rank;

        public Socket Socket => socket;

        /// <summary>From now on it is to give signs of life.</summary>
        public void Begin() => _silence.Restart();

        /// <summary>What became of it, as a sentence; null while it lives or after it left in order.</summary>
        public string? Fate()
        {
            try
            {
                while (!_left && socket.Poll(0, SelectMode.SelectRead))
                {
                    var count = socket.Receive(_buffer);
                    if (count == 0)
                        return $"Rank {rank} on {host()} died.";
                    _silence.Restart();
                    var bytes = _buffer.AsSpan(0, count);
                    if (bytes.IndexOf(Lost) is var start and >= 0)
                        return Encoding.UTF8.GetString(bytes[(start + 1)..]);
                    _left = bytes.Contains(Done);
                }
            }
            catch (SocketException fault)
            {
                return $"Rank {rank} on {host()} died ({fault.Message}).";
            }

            return _left || _silence.Elapsed < Patience ? null
                : $"Rank {rank} on {host()} has given no sign of life for {Patience.TotalSeconds:0} seconds.";
        }

        public void TrySend(ReadOnlySpan<byte> bytes)
        {
            try
            {
                if (!_left)
                    socket.Send(bytes, SocketFlags.None, out _);
            }
            catch (SocketException)
            {
                // Its fate is found out by reading.
            }
        }
    }
}
