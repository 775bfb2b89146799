using System.Buffers.Binary;
using System.Text;

namespace Lorikeet.Formats.Pickle;

/// <summary>
/// The directory of a zip file whose entries are stored uncompressed, as PyTorch writes them: where each entry's bytes
/// lie in the file, which the BCL's reader does not tell.
/// </summary>
/// <remarks>Layout: PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16.</remarks>
internal sealed class ZipDirectory
{
    private const int EndLength = 22;
    private const int CommentLimit = ushort.MaxValue;

    private readonly MappedFile _file;
    private readonly Dictionary<string, (long Offset, long Length)> _entries = new(StringComparer.Ordinal);

    private ZipDirectory(MappedFile file) => _file = file;

    /// <summary>Offset and length of each entry's bytes in the file.</summary>
    public IReadOnlyDictionary<string, (long Offset, long Length)> Entries => _entries;

    public static bool IsZip(MappedFile file) =>
        file.Length >= EndLength && BinaryPrimitives.ReadUInt32LittleEndian(file.Span(0, 4)) == 0x04034b50;

    public static ZipDirectory Read(MappedFile file)
    {
        var directory = new ZipDirectory(file);
        var (offset, count) = directory.FindCentralDirectory();
        for (var i = 0L; i < count; i++)
            offset += directory.ReadEntry(offset);
        return directory;
    }

    private (long Offset, long Count) FindCentralDirectory()
    {
        var tailStart = Math.Max(0, _file.Length - EndLength - CommentLimit);
        var at = _file.Span(tailStart, _file.Length - tailStart).LastIndexOf((ReadOnlySpan<byte>)[0x50, 0x4b, 5, 6]);
        if (at < 0)
            throw CutShort("its zip directory, which is at the end, is missing");

        var endOffset = tailStart + at;
        var end = _file.Span(endOffset, EndLength);
        long count = BinaryPrimitives.ReadUInt16LittleEndian(end[10..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(end[16..]);
        if (count != ushort.MaxValue && offset != uint.MaxValue)
            return (offset, count);

        // The numbers do not fit; the zip64 locator before this record says where they are.
        var zip64 = _file.Span(ReadInt64(_file.Span(endOffset - 20, 20)[8..]), 56);
        return (ReadInt64(zip64[48..]), ReadInt64(zip64[32..]));
    }

    private int ReadEntry(long offset)
    {
        var entry = _file.Span(offset, 46);
        if (BinaryPrimitives.ReadUInt32LittleEndian(entry) != 0x02014b50)
            throw Damaged($"its zip directory is broken at byte {offset}");
        var method = BinaryPrimitives.ReadUInt16LittleEndian(entry[10..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]);
        long header = BinaryPrimitives.ReadUInt32LittleEndian(entry[42..]);
        var nameLength = BinaryPrimitives.ReadUInt16LittleEndian(entry[28..]);
        var extraLength = BinaryPrimitives.ReadUInt16LittleEndian(entry[30..]);
        var commentLength = BinaryPrimitives.ReadUInt16LittleEndian(entry[32..]);
        var name = Encoding.UTF8.GetString(_file.Span(offset + 46, nameLength));
        if (method != 0)
            throw Damaged($"its entry '{name}' is compressed, which PyTorch never does");

        ReadZip64Sizes(_file.Span(offset + 46 + nameLength, extraLength), ref length, entry, ref header);
        _entries[name] = (DataOffset(header, length), length);
        return 46 + nameLength + extraLength + commentLength;
    }

    private static void ReadZip64Sizes(
        ReadOnlySpan<byte> extra, ref long length, ReadOnlySpan<byte> entry, ref long header)
    {
        for (; extra.Length >= 4; extra = extra[Math.Min(
            extra.Length, 4 + BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]))..])
        {
            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) != 1)
                continue;
            var field = extra[4..];
            if (length == uint.MaxValue)
            {
                length = ReadInt64(field);
                field = field[8..];
            }

            if (BinaryPrimitives.ReadUInt32LittleEndian(entry[20..]) == uint.MaxValue)
                field = field[8..]; // the compressed size, equal to the length
            if (header == uint.MaxValue)
                header = ReadInt64(field);
            return;
        }
    }

    private long DataOffset(long header, long length)
    {
        // Name and padding of the local header differ from those of the directory.
        var local = _file.Span(header, 30);
        var offset = header + 30 + BinaryPrimitives.ReadUInt16LittleEndian(local[26..])
            + BinaryPrimitives.ReadUInt16LittleEndian(local[28..]);
        if (length < 0 || offset > _file.Length - length)
            throw CutShort($"an entry of {length} bytes at byte {offset} goes over its end at {_file.Length}");
        return offset;
    }

    private static long ReadInt64(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadInt64LittleEndian(bytes);

    private CheckpointException Damaged(string what) => new(
        $"'{_file.Path}' is not a valid PyTorch file: {what}. Fetch it again.");

    private CheckpointException CutShort(string what) => new(
        $"'{_file.Path}' is not a valid PyTorch file: {what}. " +
        "It was probably cut short while it was copied or downloaded; fetch it again.");
}
