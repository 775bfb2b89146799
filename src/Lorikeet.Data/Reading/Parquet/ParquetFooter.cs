using System.Buffers.Binary;
using System.Text;

namespace Lorikeet.Data.Reading.Parquet;

/// <summary>The footer of a parquet file, read within its bounds and held against the size of the file.</summary>
/// <param name="Groups">The row groups.</param>
/// <param name="Start">Where the footer begins, and so where data ends.</param>
/// <param name="Bytes">The footer written anew, with what reading rows needs and nothing else.</param>
internal sealed record ParquetFooter(IReadOnlyList<ParquetGroup> Groups, long Start, byte[] Bytes)
{
    private const int Deepest = 64;

    private static readonly byte[] s_magic = [.. "PAR1"u8];

    /// <summary>Reads and checks the footer of a file.</summary>
    /// <exception cref="InvalidDataException">It contradicts itself or the file.</exception>
    /// <exception cref="EndOfStreamException">It goes on after its end.</exception>
    public static ParquetFooter Read(Stream file)
    {
        var (start, bytes) = Find(file);
        var content = new ThriftReader(bytes).Read(ParquetShapes.File);
        if (content.ContainsKey(8))
            throw new InvalidDataException("it is encrypted.");
        var leaves = Leaves(content.List<ThriftStruct>(2));
        ParquetGroup[] groups =
            [.. content.List<ThriftStruct>(4).Select(group => ParquetGroup.Of(group, leaves, start))];
        if (!content.ContainsKey(4))
            content[4] = new List<object>();
        return new ParquetFooter(groups, start, ThriftWriter.Write(content, ParquetShapes.File));
    }

    /// <summary>The file as it is read further on: its data, and behind them the footer written anew.</summary>
    public byte[] Tail()
    {
        var length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, Bytes.Length);
        return [.. Bytes, .. length, .. s_magic];
    }

    private static (long Start, byte[] Bytes) Find(Stream file)
    {
        Span<byte> ends = stackalloc byte[12];
        file.Position = 0;
        if (file.Length < 12)
            throw new InvalidDataException($"it has {file.Length} bytes, and the shortest has 12.");
        file.ReadExactly(ends[..4]);
        file.Position = file.Length - 8;
        file.ReadExactly(ends[4..]);
        if (ends[8..].SequenceEqual("PARE"u8))
            throw new InvalidDataException("it is encrypted.");
        if (!ends[..4].SequenceEqual(s_magic) || !ends[8..].SequenceEqual(s_magic))
            throw new InvalidDataException("it does not begin and end with PAR1; it was probably cut short.");
        var length = BinaryPrimitives.ReadInt32LittleEndian(ends[4..]);
        if (length <= 0 || length > file.Length - 12)
            throw new InvalidDataException($"its footer has {length} bytes, and the file {file.Length}.");
        var bytes = new byte[length];
        file.Position = file.Length - 8 - length;
        var start = file.Position;
        file.ReadExactly(bytes);
        return (start, bytes);
    }

    /// <summary>The columns that hold values, and whether each has one value a row.</summary>
    private static List<(string Path, bool IsRepeated)> Leaves(IReadOnlyList<ThriftStruct> schema)
    {
        var leaves = new List<(string, bool)>();
        var at = 0;
        if (schema.Count == 0)
            throw new InvalidDataException("it has no schema.");
        Walk("", false, 0);
        if (at != schema.Count)
            throw new InvalidDataException($"its schema has {schema.Count} elements, and they tell of {at}.");
        return leaves;

        void Walk(string path, bool isRepeated, int depth)
        {
            if (at >= schema.Count)
                throw new InvalidDataException("its schema announces more elements than it has.");
            if (depth > Deepest)
                throw new InvalidDataException($"its columns are nested deeper than {Deepest} levels.");
            var element = schema[at++];
            if (!element.TryGetValue(4, out var name))
                throw new InvalidDataException("a column has no name.");
            if (depth > 0)
                path += (path.Length > 0 ? "/" : "") + Encoding.UTF8.GetString((byte[])name);
            isRepeated |= depth > 0 && element.Number(3) == 2;
            var children = element.Number(5) ?? 0;
            if (children < 0)
                throw new InvalidDataException($"the column '{path}' has {children} parts.");
            if (children == 0 && depth > 0)
                leaves.Add((path, isRepeated));
            for (var i = 0L; i < children; i++)
                Walk(path, isRepeated, depth + 1);
        }
    }
}
