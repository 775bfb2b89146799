using System.Buffers.Binary;

namespace Lorikeet.Data.Reading.Parquet;

/// <summary>
/// The pages of a row group, held against the footer before anything is allocated for them: they end, lie in the file,
/// have as many values as the column, and unfold to what they say.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="end">Where its data end.</param>
internal sealed class ParquetPages(Stream file, long end)
{
    // A row group is held whole. Those in use have some 100 MB; a writer that makes larger ones has to divide them.
    private const long LargestGroup = 1L << 30;
    private const int LargestHead = 1 << 24;

    // Of a value: what it is read into (16 bytes for a text), and its two levels.
    private const long BytesOfValue = 24;

    private long _bytes;

    /// <summary>Checks a row group, and returns how many bytes reading it takes.</summary>
    /// <exception cref="InvalidDataException">The pages contradict themselves or the footer.</exception>
    /// <exception cref="EndOfStreamException">They go on after their end.</exception>
    public long Check(ParquetGroup group)
    {
        _bytes = 0;
        foreach (var column in group.Columns)
            Check(column);
        return _bytes;
    }

    private void Check(ParquetColumn column)
    {
        Take(column.Values * BytesOfValue, column);
        var values = 0L;
        var hasDictionary = false;
        for (var place = column.Start; values < column.Values;)
        {
            var (head, length) = ReadHead(place, column);
            var compressed = Size(head, 3, column);
            var size = Size(head, 2, column);
            place += length;
            if (compressed > end - place)
                throw new InvalidDataException(
                    $"a page of the column '{column.Path}' goes on after the end of the data.");
            switch (head.Require(1, "type of page"))
            {
                case 0 when head.Struct(5) is { } page:
                    values += Size(page, 1, column);
                    break;
                case 3 when head.Struct(8) is { } page:
                    if (Size(page, 6, column) > 0)
                        throw new InvalidDataException($"the column '{column.Path}' has lists in pages of version 2, " +
                            "which are not read; write it with data_page_version='1.0'.");
                    values += Size(page, 1, column);
                    if (Size(page, 5, column) + Size(page, 6, column) > Math.Min(compressed, size)
                        || Size(page, 2, column) > Size(page, 1, column))
                        throw new InvalidDataException(
                            $"the levels of a page of the column '{column.Path}' are longer than the page.");
                    break;
                case 2 when head.Struct(7) is { } page && !hasDictionary:
                    hasDictionary = true;
                    var entries = Size(page, 1, column);
                    if (entries > size)
                        throw new InvalidDataException(
                            $"the dictionary of the column '{column.Path}' has {entries} values in {size} bytes.");
                    Take(entries * BytesOfValue, column);
                    break;
                default:
                    throw new InvalidDataException($"the column '{column.Path}' has a page that holds no values.");
            }

            Take(size, column);
            if (head.Number(1) != 3)
                CheckSize(place, compressed, size, column);
            place += compressed;
        }

        if (values != column.Values)
            throw new InvalidDataException(
                $"the pages of the column '{column.Path}' have {values} values, and the column {column.Values}.");
    }

    private (ThriftStruct Head, int Length) ReadHead(long place, ParquetColumn column)
    {
        for (var length = 256L; ; length *= 8)
        {
            var bytes = new byte[Math.Min(length, end - place)];
            file.Position = place;
            file.ReadExactly(bytes);
            var reader = new ThriftReader(bytes, isStrict: true);
            try
            {
                var head = reader.Read(ParquetShapes.Page);
                return (head, reader.Position);
            }
            catch (EndOfStreamException) when (length < LargestHead && bytes.Length < end - place)
            {
                // The head is longer: it may hold the smallest and the largest value of its page.
            }
            catch (EndOfStreamException)
            {
                throw new InvalidDataException($"a page of the column '{column.Path}' has no head.");
            }
        }
    }

    private static long Size(ThriftStruct head, short id, ParquetColumn column) =>
        head.Number(id) is >= 0 and { } size
            ? size
            : throw new InvalidDataException($"a page of the column '{column.Path}' has no size.");

    /// <summary>What compressed bytes themselves say of their content, held against the head of the page.</summary>
    private void CheckSize(long place, long compressed, long size, ParquetColumn column)
    {
        var announced = column.Codec switch
        {
            0 => compressed,
            1 => SnappySize(place, compressed),
            2 when compressed >= 18 => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(place + compressed - 4, 4)),
            5 or 7 when size > (compressed + 1) * 255 => -1,
            6 => ZstdSize(place, compressed) ?? size,
            _ => size,
        };
        if (announced != size)
            throw new InvalidDataException(
                $"a page of the column '{column.Path}' holds {announced} bytes, and its head says {size}.");
    }

    private long SnappySize(long place, long compressed)
    {
        var (size, shift) = (0L, 0);
        foreach (var next in Bytes(place, (int)Math.Min(5, compressed)))
        {
            size |= (long)(next & 127) << shift;
            if (next < 128)
                return size;
            shift += 7;
        }

        return -1;
    }

    /// <summary>The content size in the head of a frame (RFC 8878, 3.1.1.1); null where it is not given.</summary>
    private long? ZstdSize(long place, long compressed)
    {
        if (compressed < 18)
            return null;
        var head = Bytes(place, 18);
        if (BinaryPrimitives.ReadUInt32LittleEndian(head) != 0xFD2FB528)
            return -1;
        var isSingle = (head[4] & 32) != 0;
        var start = 5 + (isSingle ? 0 : 1) + (head[4] & 3) switch { 0 => 0, 1 => 1, 2 => 2, _ => 4 };
        return (head[4] >> 6) switch
        {
            0 => isSingle ? head[start] : null,
            1 => BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(start)) + 256,
            2 => BinaryPrimitives.ReadUInt32LittleEndian(head.AsSpan(start)),
            _ => BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(start)),
        };
    }

    private byte[] Bytes(long place, int count)
    {
        var bytes = new byte[count];
        file.Position = place;
        file.ReadExactly(bytes);
        return bytes;
    }

    private void Take(long bytes, ParquetColumn column)
    {
        _bytes += bytes;
        if (_bytes <= LargestGroup)
            return;
        throw new InvalidDataException(
            $"a row group takes more than {LargestGroup >> 20} MiB up to the column '{column.Path}'; write smaller " +
            "ones (row_group_size).");
    }
}
