// How two ranks that meet at a port make sure of each other, with a token that only ranks of the same run have:
//
//     first -> other     16 random bytes n
//     other -> first     magic, rank, 16 random bytes m, HMAC-SHA256(token, "join" n m rank)
//     first -> other     HMAC-SHA256(token, "welcome" m n)
//
// Who does not know the token is turned away by either side, and nothing of the run depends on what it says.
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Lorikeet.Models.Distributed;

/// <summary>The first words between rank 0, which listens, and another rank.</summary>
internal static class RankGreeting
{
    private const int NonceLength = 16, RankLength = sizeof(int);

    private static readonly byte[] s_magic = "lorikeet-ranks/1"u8.ToArray();

    /// <summary>Most of what a stranger at the port can cost.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>Greets whoever connected; on rank 0.</summary>
    /// <returns>Its rank; null for one that does not know the token, or is slow.</returns>
    public static int? Receive(Socket socket, string token, int size)
    {
        try
        {
            Limit(socket);
            var nonce = RandomNumberGenerator.GetBytes(NonceLength);
            SendAll(socket, nonce);
            var answer = ReceiveAll(socket, s_magic.Length + RankLength + NonceLength + SHA256.HashSizeInBytes);
            var rank = BinaryPrimitives.ReadInt32LittleEndian(answer.AsSpan(s_magic.Length));
            var own = answer.AsSpan(s_magic.Length + RankLength, NonceLength).ToArray();
            if (!answer.AsSpan(0, s_magic.Length).SequenceEqual(s_magic) || rank < 1 || rank >= size
                || !Equal(Join(token, nonce, own, rank), answer.AsSpan(^SHA256.HashSizeInBytes..)))
                return null;
            SendAll(socket, Welcome(token, own, nonce));
            return rank;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>Greets rank 0.</summary>
    /// <exception cref="SocketException">It is somebody else, or does not answer.</exception>
    public static void Send(Socket socket, string token, int rank)
    {
        Limit(socket);
        var nonce = ReceiveAll(socket, NonceLength);
        var own = RandomNumberGenerator.GetBytes(NonceLength);
        var number = new byte[RankLength];
        BinaryPrimitives.WriteInt32LittleEndian(number, rank);
        SendAll(socket, [.. s_magic, .. number, .. own, .. Join(token, nonce, own, rank)]);
        if (!Equal(Welcome(token, own, nonce), ReceiveAll(socket, SHA256.HashSizeInBytes)))
            throw new SocketException((int)SocketError.AccessDenied);
    }

    /// <summary>A token that nobody guesses.</summary>
    public static string NewToken() => Convert.ToHexString(RandomNumberGenerator.GetBytes(NonceLength));

    /// <summary>Sends all of the bytes.</summary>
    public static void SendAll(Socket socket, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[socket.Send(bytes)..];
    }

    /// <summary>Receives exactly so many bytes.</summary>
    /// <exception cref="SocketException">The other end left before.</exception>
    public static byte[] ReceiveAll(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var done = 0; done < count;)
        {
            var received = socket.Receive(bytes.AsSpan(done));
            if (received == 0)
                throw new SocketException((int)SocketError.ConnectionReset);
            done += received;
        }

        return bytes;
    }

    private static void Limit(Socket socket) =>
        socket.ReceiveTimeout = socket.SendTimeout = (int)s_patience.TotalMilliseconds;

    private static byte[] Join(string token, byte[] nonce, byte[] own, int rank) =>
        Code(token, [.. "join"u8, .. nonce, .. own, .. BitConverter.GetBytes(rank)]);

    private static byte[] Welcome(string token, byte[] own, byte[] nonce) =>
        Code(token, [.. "welcome"u8, .. own, .. nonce]);

    private static byte[] Code(string token, byte[] words) => HMACSHA256.HashData(Encoding.UTF8.GetBytes(token), words);

    private static bool Equal(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other) =>
        CryptographicOperations.FixedTimeEquals(one, other);
}
