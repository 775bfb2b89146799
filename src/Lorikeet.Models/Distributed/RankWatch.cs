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
    /// <exception cref="DeviceException">A rank cannot reach rank 0.</exception>
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

    private void Listen()
    {
        using var listener = new TcpListener(IPAddress.Any, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        _ranks.Broadcast($"{port} {Environment.MachineName} {string.Join(' ', Addresses())}");
        for (var i = 1; i < _ranks.Size; i++)
        {
            var socket = listener.AcceptSocket();
            using var hello = new StreamReader(new NetworkStream(socket), Encoding.UTF8, leaveOpen: true);
            var parts = hello.ReadLine()!.Split(' ', 2);
            _peers.Add(new Peer(int.Parse(parts[0], CultureInfo.InvariantCulture), parts[1], socket));
        }
    }

    private void Connect()
    {
        var parts = _ranks.Broadcast("").Split(' ');
        var port = int.Parse(parts[0], CultureInfo.InvariantCulture);
        foreach (var address in parts[2..])
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                // Addresses of networks that this machine is not on do not answer at all.
                if (!socket.ConnectAsync(IPAddress.Parse(address), port).Wait(TimeSpan.FromSeconds(3)))
                    throw new SocketException((int)SocketError.TimedOut);
                socket.Send(Encoding.UTF8.GetBytes($"{_ranks.Rank} {Environment.MachineName}\n"));
                _peers.Add(new Peer(0, parts[1], socket));
                return;
            }
            catch (Exception fault) when (fault is SocketException or AggregateException)
            {
                socket.Dispose();
            }
        }

        throw new DeviceException(
            $"Rank {_ranks.Rank} on {Environment.MachineName} cannot reach rank 0 on {parts[1]} (tried "
            + $"{string.Join(", ", parts[2..])}, port {port}). Ranks need TCP connections between their machines.");
    }

    private static IEnumerable<string> Addresses() =>
        System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(one => one.GetIPProperties().UnicastAddresses)
            .Select(one => one.Address)
            .Where(address => address.AddressFamily == AddressFamily.InterNetwork)
            .OrderBy(IPAddress.IsLoopback).Select(address => address.ToString());

    private void Watch()
    {
        var beat = Stopwatch.StartNew();
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
    private sealed class Peer(int rank, string host, Socket socket)
    {
        private readonly Stopwatch _silence = Stopwatch.StartNew();
        private readonly byte[] _buffer = new byte[1024];
        private bool _left;

        public Socket Socket => socket;

        /// <summary>What became of it, as a sentence; null while it lives or after it left in order.</summary>
        public string? Fate()
        {
            try
            {
                while (!_left && socket.Poll(0, SelectMode.SelectRead))
                {
                    var count = socket.Receive(_buffer);
                    if (count == 0)
                        return $"Rank {rank} on {host} died.";
                    _silence.Restart();
                    var bytes = _buffer.AsSpan(0, count);
                    if (bytes.IndexOf(Lost) is var start and >= 0)
                        return Encoding.UTF8.GetString(bytes[(start + 1)..]);
                    _left = bytes.Contains(Done);
                }
            }
            catch (SocketException fault)
            {
                return $"Rank {rank} on {host} died ({fault.Message}).";
            }

            return _left || _silence.Elapsed < Patience ? null
                : $"Rank {rank} on {host} has given no sign of life for {Patience.TotalSeconds:0} seconds.";
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
