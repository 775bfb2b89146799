using System.IO.Compression;
using System.Text;

namespace Lorikeet.Fuzz.Mutation;

/// <summary>Changes what a gzip file holds, and every third time the file itself.</summary>
internal sealed class GzipMutator(Mutator content) : Mutator(content.Words)
{
    protected override byte[] Change(Random random, byte[] input, IReadOnlyList<byte[]> seeds)
    {
        if (random.Next(3) == 0)
            return ChangeBytes(random, input, seeds);
        try
        {
            using var stream = new GZipStream(new MemoryStream(input), CompressionMode.Decompress);
            var plain = new byte[LargestInput];
            var length = stream.ReadAtLeast(plain, plain.Length, throwOnEndOfStream: false);
            var output = new MemoryStream();
            using (var packed = new GZipStream(output, CompressionLevel.Fastest))
                packed.Write(content.Mutate(random, [plain[..length]]));
            return output.ToArray();
        }
        catch (InvalidDataException)
        {
            return ChangeBytes(random, input, seeds);
        }
    }
}

/// <summary>Changes the program inside a file of torch.save: opcodes put in, left out and repeated.</summary>
internal sealed class PickleMutator() : Mutator([])
{
    private const string Opcodes =
        "()]}.0123aebdehjlopqrstuNKMJGLIFXTUSVBCPQRc" +
        "\x80\x81\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x90\x91\x92\x93\x94\x95";

    private static readonly string[] Pieces =
    [
        "K\0", "K\x01", "J\xff\xff\xff\x7f", "M\xff\xff", "h\0", "q\0", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
        "\x85", "\x86", "\x87", ")", "(", "t", "]", "}", "R", "Q", "u", "s", "a", "e", "2", "0", "X\x01\0\0\0a",
        "I10\n", "L99999999999999999999L\n", "ctorch._utils\n_rebuild_tensor_v2\n",
        "ctorch._tensor\n_rebuild_from_type_v2\n", "ccollections\nOrderedDict\n", "cos\nsystem\n", "g0\n",
        "p9999999999\n", "V\\ud800\n", "V\\U00110000\n", "F1e999\n", "S'a'\n", "S\n",
        "\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",
    ];

    protected override byte[] Change(Random random, byte[] input, IReadOnlyList<byte[]> seeds)
    {
        if (random.Next(3) == 0)
            return ChangeBytes(random, input, seeds);
        try
        {
            return Rebuild(random, input);
        }
        catch (Exception fault) when (
            fault is InvalidDataException or NotSupportedException or ArgumentException or IOException)
        {
            return ChangeProgram(random, input, 0);
        }
    }

    private byte[] Rebuild(Random random, byte[] input)
    {
        var output = new MemoryStream();
        using (var source = new ZipArchive(new MemoryStream(input)))
        using (var target = new ZipArchive(output, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var entry in source.Entries)
            {
                var content = new MemoryStream();
                using (var stream = entry.Open())
                    stream.CopyTo(content);
                var bytes = content.ToArray();
                if (entry.Name == "data.pkl")
                    bytes = ChangeProgram(random, bytes, 2);
                using var written = target.CreateEntry(entry.FullName, CompressionLevel.NoCompression).Open();
                written.Write(bytes);
            }
        }

        return output.ToArray();
    }

    private byte[] ChangeProgram(Random random, byte[] program, int start)
    {
        if (program.Length <= start)
            return program;
        var at = random.Next(start, program.Length);
        return random.Next(5) switch
        {
            0 => Replace(program, at, random.Next(2), [(byte)Opcodes[random.Next(Opcodes.Length)]]),
            1 or 2 => Replace(program, at, random.Next(3), Latin(Pieces[random.Next(Pieces.Length)])),
            3 => Replace(program, at, 0, Latin(string.Concat(
                Enumerable.Repeat(
                    Pieces[random.Next(Pieces.Length)], 1 + random.Next(random.Next(4) == 0 ? 3000 : 8))))),
            _ => ChangeBytes(random, program, [program]),
        };
    }

    private static byte[] Latin(string text) => Encoding.Latin1.GetBytes(text);
}

/// <summary>Changes the fields of a Protocol Buffers message: left out, repeated, of another length or kind.</summary>
internal sealed class ProtobufMutator() : Mutator([])
{
    protected override byte[] Change(Random random, byte[] input, IReadOnlyList<byte[]> seeds)
    {
        var fields = Fields(input);
        if (fields.Count == 0 || random.Next(3) == 0)
            return ChangeBytes(random, input, seeds);
        var (begin, end) = fields[random.Next(fields.Count)];
        var other = fields[random.Next(fields.Count)];
        var field = input[begin..end];
        return random.Next(5) switch
        {
            0 => Replace(input, begin, end - begin, []),
            1 => Replace(input, other.Begin, 0, field),
            2 => Replace(input, begin, end - begin, ChangeBytes(random, field, [field])),
            3 => Replace(input, begin, 1, [(byte)(random.Next(64) << 3 | random.Next(8))]),
            _ => Replace(input, begin, end - begin, input[other.Begin..other.End]),
        };
    }

    private static List<(int Begin, int End)> Fields(byte[] message)
    {
        var fields = new List<(int, int)>();
        for (var at = 0; at + 1 < message.Length;)
        {
            var end = (message[at] & 7) switch
            {
                2 when message[at + 1] < 0x80 => at + 2 + message[at + 1],
                5 => at + 5,
                1 => at + 9,
                0 => at + 2,
                _ => message.Length + 1,
            };
            if (end > message.Length)
                break;
            fields.Add((at, end));
            at = end;
        }

        return fields;
    }
}
