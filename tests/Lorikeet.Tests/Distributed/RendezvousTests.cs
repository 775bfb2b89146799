using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Lorikeet.Models.Distributed;

namespace Lorikeet.Tests.Distributed;

/// <summary>How ranks meet, who may, and what is said of those that do not come.</summary>
public sealed class RendezvousTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20), s_short = TimeSpan.FromSeconds(1);

    [Fact]
    public void Ranks_GetTheBytesOfTheFirst()
    {
        var port = FreePort();

        var got = ThreadRanks.Run(4, rank => Meet(rank.Rank, 4, port, "secret", s_patience));

        Assert.All(got, bytes => Assert.Equal([0, 0, 0], bytes));
    }

    [Fact]
    public void Strangers_NeitherJoinNorHoldUpTheRanks()
    {
        var port = FreePort();
        using var silent = new TcpClient(); // a scanner that says nothing
        using var talking = new TcpClient(); // a browser
        var clock = Stopwatch.StartNew();

        var got = ThreadRanks.Run(4, rank =>
        {
            if (rank.Rank == 1)
            {
                Connect(silent, port);
                Connect(talking, port);
                talking.GetStream().Write(Encoding.ASCII.GetBytes(
                    "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + new string(' ', 200)));
            }

            if (rank.Rank == 3)
                return Assert.Throws<DeviceException>(() => Meet(1, 3, port, "guessed", s_short)).Message;
            return string.Join(' ', Meet(rank.Rank, 3, port, "secret", s_patience));
        });

        Assert.Equal(["0 0 0", "0 0 0", "0 0 0"], got[..3]);
        Assert.Contains("rank 0 does not answer", got[3]);
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, s_patience);
    }

    [Fact]
    public void ARankThatDoesNotCome_IsNamed()
    {
        var port = FreePort();

        var fault = Assert.Throws<DeviceException>(() => Meet(0, 3, port, "secret", s_short));

        Assert.Contains("rank 1, 2 did not come to 127.0.0.1:", fault.Message);
        Assert.Contains("within 1 seconds", fault.Message);
    }

    [Fact]
    public void APortThatIsTaken_IsSaid()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();

        var fault = Assert.Throws<DeviceException>(
            () => Meet(0, 2, ((IPEndPoint)other.LocalEndpoint).Port, "secret", s_short));

        Assert.Contains("Set MASTER_PORT to a free one", fault.Message);
    }

    [Fact]
    public void AWatch_NamesARankThatLeavesWithoutAWord()
    {
        var said = ThreadRanks.Run(3, rank =>
        {
            using var heard = new ManualResetEventSlim();
            var fate = "";
            var watch = new RankWatch(rank, sentence =>
            {
                fate = sentence;
                heard.Set();
            });
            rank.Wait();
            if (rank.Rank == 2)
            {
                watch.Abandon();
                return "";
            }

            Assert.True(heard.Wait(s_patience));
            return fate;
        });

        Assert.All(said[..2], sentence => Assert.Contains("Rank 2 on ", sentence));
    }

    private static byte[] Meet(int rank, int size, int port, string token, TimeSpan patience)
    {
        byte[] bytes = [(byte)rank, (byte)rank, (byte)rank];
        Rendezvous.Broadcast(
            new LaunchedRank(rank, size, rank, size, HasMpi: false, "127.0.0.1", port) { Token = token },
            bytes, patience);
        return bytes;
    }

    private static void Connect(TcpClient client, int port)
    {
        while (!client.Connected)
        {
            try
            {
                client.Connect(IPAddress.Loopback, port);
            }
            catch (SocketException)
            {
                Thread.Sleep(20); // nobody listens yet
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
