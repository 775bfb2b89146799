using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Lorikeet.Models.Distributed;

/// <summary>
/// Where rank 0 waits for the others. Each that connects is greeted by itself, so that nobody holds up the rest.
/// </summary>
internal sealed class RankListener : IDisposable
{
    private const int MostWaiting = 512;
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);

    private readonly Socket _socket;

    /// <summary>Listens.</summary>
    /// <param name="port">0 for any that is free.</param>
    /// <param name="isLocal">Whether all ranks are on this machine.</param>
    /// <exception cref="SocketException">The port is taken.</exception>
    public RankListener(int port, bool isLocal)
    {
        var hasIpv6 = Socket.OSSupportsIPv6 && !isLocal;
        _socket = new Socket(
            hasIpv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (hasIpv6)
                _socket.DualMode = true; // IPv4 too
            var any = hasIpv6 ? IPAddress.IPv6Any : IPAddress.Any;
            _socket.Bind(new IPEndPoint(isLocal ? IPAddress.Loopback : any, port));
            _socket.Listen(MostWaiting);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    /// <summary>Where the others find it.</summary>
    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    /// <summary>Waits for ranks 1, 2 ... to come, each once; one that comes again counts again.</summary>
    /// <param name="token">What they have to know.</param>
    /// <param name="size">How many ranks there are.</param>
    /// <param name="patience">How long.</param>
    /// <param name="welcome">Called for each, one at a time; false for one that went away meanwhile.</param>
    /// <returns>The ranks that did not come.</returns>
    public IReadOnlyCollection<int> Receive(string token, int size, TimeSpan patience, Func<int, Socket, bool> welcome)
    {
        var clock = Stopwatch.StartNew();
        var missing = Enumerable.Range(1, size - 1).ToHashSet();
        var greeted = new ConcurrentQueue<(int Rank, Socket Socket)>();
        while (missing.Count > 0 && clock.Elapsed < patience)
        {
            while (greeted.TryDequeue(out var known))
            {
                if (welcome(known.Rank, known.Socket))
                    missing.Remove(known.Rank);
                else
                    known.Socket.Dispose();
            }

            if (missing.Count > 0 && _socket.Poll(s_pause, SelectMode.SelectRead))
                Greet(_socket.Accept(), token, size, greeted);
        }

        return missing;
    }

    public void Dispose() => _socket.Dispose();

    private static void Greet(
        Socket socket, string token, int size, ConcurrentQueue<(int Rank, Socket Socket)> greeted)
    {
        var greeting = new Thread(() =>
        {
            if (RankGreeting.Receive(socket, token, size) is { } rank)
                greeted.Enqueue((rank, socket));
            else
                socket.Dispose();
        })
        {
            IsBackground = true,
            Name = "Lorikeet greeting",
        };
        greeting.Start();
    }
}
