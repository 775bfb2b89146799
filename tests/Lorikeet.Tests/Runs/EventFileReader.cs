using System.Buffers.Binary;
using Google.Protobuf;
using Tensorboard;

namespace Lorikeet.Tests.Runs;

/// <summary>Reads TensorBoard event files and checks every checksum, independently of the writer.</summary>
internal static class EventFileReader
{
    private static readonly uint[] Table = MakeTable();

    public static List<Event> Read(string path)
    {
        var data = File.ReadAllBytes(path);
        var events = new List<Event>();
        for (var at = 0; at < data.Length;)
        {
            var length = (int)BinaryPrimitives.ReadInt64LittleEndian(data.AsSpan(at));
            Check(data.AsSpan(at, 8), data.AsSpan(at + 8));
            var message = data.AsSpan(at + 12, length);
            Check(message, data.AsSpan(at + 12 + length));
            events.Add(Event.Parser.ParseFrom(new CodedInputStream(message.ToArray())));
            at += 16 + length;
        }

        return events;
    }

    public static IEnumerable<(string Tag, long Step, float Value)> Scalars(IEnumerable<Event> events) =>
        from logged in events
        where logged.Summary is not null
        from value in logged.Summary.Value
        where value.Tensor is null
        select (value.Tag, logged.Step, value.SimpleValue);

    private static void Check(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> stored)
    {
        var masked = BinaryPrimitives.ReadUInt32LittleEndian(stored);
        var rotated = masked - 0xa282ead8;
        Assert.Equal(Checksum(bytes), (rotated >> 17) | (rotated << 15));
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = ~0u;
        foreach (var value in bytes)
            crc = Table[(byte)(crc ^ value)] ^ (crc >> 8);
        return ~crc;
    }

    // Castagnoli's polynomial, bits reversed; the checksum of "123456789" is e3069283.
    private static uint[] MakeTable()
    {
        var table = new uint[256];
        for (var index = 0u; index < 256; index++)
        {
            var entry = index;
            for (var bit = 0; bit < 8; bit++)
                entry = (entry & 1) == 1 ? 0x82f63b78 ^ (entry >> 1) : entry >> 1;
            table[index] = entry;
        }

        return table;
    }
}
