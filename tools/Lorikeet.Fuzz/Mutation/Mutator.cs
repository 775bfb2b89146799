using System.Buffers.Binary;
using System.Text;

namespace Lorikeet.Fuzz.Mutation;

/// <summary>Changes an input a little: bytes, numbers, stretches, and parts of others of its kind.</summary>
internal class Mutator(IReadOnlyList<string> words)
{
    /// <summary>Inputs are cut to this.</summary>
    public const int LargestInput = 1 << 16;

    private static readonly string[] Numbers =
    [
        "0", "-0", "-1", "1", "127", "128", "255", "256", "32768", "65535", "65536", "2147483647", "2147483648",
        "-2147483648", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "18446744073709551615",
        "1e308", "1e999",
        "-1e999", "1e-400", "0.1", "NaN", "Infinity", "1" + new string('0', 400), "1.7976931348623157e308", "5e-324",
    ];

    private static readonly ulong[] Extremes =
        [
            0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, long.MaxValue,
            1UL << 63, ulong.MaxValue];

    /// <summary>Pieces that mean something to the reader.</summary>
    public IReadOnlyList<string> Words => words;

    /// <summary>A mutation of one of the seeds.</summary>
    public byte[] Mutate(Random random, IReadOnlyList<byte[]> seeds)
    {
        var input = seeds[random.Next(seeds.Count)];
        for (var rounds = 1 + random.Next(random.Next(1, 9)); rounds > 0; rounds--)
        {
            input = Change(random, input, seeds);
            if (input.Length > LargestInput)
                input = input[..LargestInput];
        }

        return input;
    }

    /// <summary>One change.</summary>
    protected virtual byte[] Change(Random random, byte[] input, IReadOnlyList<byte[]> seeds) =>
        ChangeBytes(random, input, seeds);

    protected byte[] ChangeBytes(Random random, byte[] input, IReadOnlyList<byte[]> seeds)
    {
        if (input.Length == 0)
            return Bytes(random, 16);
        var at = random.Next(input.Length);
        return random.Next(12) switch
        {
            0 => With(input, at, (byte)(input[at] ^ (1 << random.Next(8)))),
            1 => With(input, at, (byte)random.Next(256)),
            2 => Replace(input, at, 0, Bytes(random, 8)),
            3 => Replace(input, at, Length(random, input, at), []),
            4 => Replace(input, random.Next(input.Length), 0, Stretch(random, input)),
            5 => Replace(input, at, Length(random, input, at), Stretch(random, seeds[random.Next(seeds.Count)])),
            6 or 7 => Extreme(random, input, at),
            8 => Repeat(random, input, at),
            9 => input[..at],
            10 => ChangeNumber(random, input),
            _ => words.Count == 0
                ? Extreme(random, input, at)
                : Replace(
                    input, at, random.Next(2) * Length(random, input, at),
                    Encoding.UTF8.GetBytes(words[random.Next(words.Count)])),
        };
    }

    /// <summary>A number as text, often one that is at an end of what a type holds.</summary>
    protected static string Number(Random random) => Numbers[random.Next(Numbers.Length)];

    protected static byte[] Replace(byte[] input, int at, int length, byte[] with) =>
        [.. input.AsSpan(0, at), .. with, .. input.AsSpan(Math.Min(input.Length, at + length))];

    private static byte[] With(byte[] input, int at, byte value)
    {
        var changed = input.ToArray();
        changed[at] = value;
        return changed;
    }

    private static byte[] Bytes(Random random, int most)
    {
        var bytes = new byte[1 + random.Next(most)];
        random.NextBytes(bytes);
        return bytes;
    }

    private static int Length(Random random, byte[] input, int at) =>
        1 + random.Next(Math.Min(input.Length - at, random.Next(4) == 0 ? input.Length : 16));

    private static byte[] Stretch(Random random, byte[] input)
    {
        if (input.Length == 0)
            return [];
        var at = random.Next(input.Length);
        return input[at..(at + Length(random, input, at))];
    }

    private static byte[] Extreme(Random random, byte[] input, int at)
    {
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        var value = Extremes[random.Next(Extremes.Length)] + (ulong)random.Next(-1, 2);
        if (random.Next(4) == 0)
            BinaryPrimitives.WriteUInt64BigEndian(number, value);
        else
            BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        var size = Math.Min(1 << random.Next(4), input.Length - at);
        return Replace(input, at, size, number[..size].ToArray());
    }

    private static byte[] Repeat(Random random, byte[] input, int at)
    {
        var part = input[at..(at + Length(random, input, at))];
        var times = 1 + random.Next(random.Next(8) == 0 ? 5000 : 16);
        times = Math.Min(times, LargestInput / part.Length);
        return Replace(input, at, 0, [.. Enumerable.Repeat(part, times).SelectMany(bytes => bytes)]);
    }

    private static byte[] ChangeNumber(Random random, byte[] input)
    {
        var begin = Array.FindIndex(input, random.Next(input.Length), value => value is >= (byte)'0' and <= (byte)'9');
        if (begin < 0)
            return Replace(input, random.Next(input.Length), 0, Encoding.ASCII.GetBytes(Number(random)));
        var end = begin;
        while (end < input.Length && input[end] is >= (byte)'0' and <= (byte)'9')
            end++;
        return Replace(input, begin, end - begin, Encoding.ASCII.GetBytes(Number(random)));
    }
}
