using System.Buffers;
using System.Text;
using System.Text.Unicode;
using CsvHelper;
using Lorikeet.Formats;

namespace Lorikeet.Data.Reading;

/// <summary>A file that holds rows, compressed or not.</summary>
/// <param name="path">Path as the user will recognise it.</param>
internal sealed class DataFile(string path)
{
    // What a file is shows in its first bytes, which are looked at once however often its rows are read.
    private bool _isChecked;

    /// <summary>Path as the user will recognise it.</summary>
    public string Path => path;

    /// <summary>Whether each line of a JSON file is a row; null until it was looked at.</summary>
    public bool? HasRowsInLines { get; set; }

    /// <summary>Kinds of files that hold rows, from the most to the least certain to be data.</summary>
    public static IReadOnlyList<string> Formats { get; } =
        [".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt"];

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Lower-case extension; that of the content when the file is compressed.</summary>
    public string Format => System.IO.Path.GetExtension(IsCompressed ? Path[..^3] : Path).ToLowerInvariant();

    private bool IsCompressed => Path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    /// <summary>The content, decompressed.</summary>
    public Stream Open()
    {
        var file = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        return IsCompressed ? new WholeGzip(file) : file;
    }

    /// <summary>The content of a file that is read in any order.</summary>
    /// <exception cref="DatasetException">It is compressed as a whole.</exception>
    public Stream OpenSeekable() => !IsCompressed ? Open() : throw new DatasetException(
        $"{Path} is compressed as a whole, and {Format[1..]} is read in any order. Its columns are compressed " +
        "already; unpack it with gunzip.");

    /// <summary>The content as text: UTF-8, or UTF-16 and UTF-32 that a byte order mark announces.</summary>
    public RowText OpenText()
    {
        var limit = ReadingLimits.Bytes(new FileInfo(Path).Length) / sizeof(char);
        return new RowText(
            new StreamReader(Open(), StrictUtf8, detectEncodingFromByteOrderMarks: true, 1 << 16), Path, limit);
    }

    /// <summary>Runs a reader of this file, and says so when the file is at fault.</summary>
    public IEnumerable<DataRow> Guard(Func<DataFile, IEnumerable<DataRow>> read)
    {
        IEnumerator<DataRow>? rows = null;
        try
        {
            while (Attempt(() => (rows ??= Start(read)).MoveNext()))
                yield return rows!.Current;
        }
        finally
        {
            rows?.Dispose();
        }
    }

    private IEnumerator<DataRow> Start(Func<DataFile, IEnumerable<DataRow>> read)
    {
        if (!_isChecked)
            Check();
        _isChecked = true;
        return read(this).GetEnumerator();
    }

    private void Check()
    {
        using var content = Open();
        var head = new byte[FileKind.BytesTried];
        var length = content.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        if (FileKind.FindForeign(head.AsSpan(0, length), Format) is var (what, advice))
            throw new DatasetException($"{Path} is {what}, where {Expected} was expected. {advice}");
    }

    private string Expected => Format switch
    {
        ".json" or ".jsonl" or ".ndjson" => "JSON",
        ".txt" => "plain text",
        var format => format[1..],
    };

    private bool Attempt(Func<bool> step)
    {
        try
        {
            return step();
        }
        catch (DecoderFallbackException fault)
        {
            var place = FindInvalidByte() is var (line, value)
                ? $":{line} holds the byte 0x{value:X2}, which is"
                : " holds bytes that are";
            throw new DatasetException(
                $"{Path}{place} not UTF-8. Data files are UTF-8, or UTF-16 with a byte order mark. " +
                "Convert it, for example with iconv.", fault);
        }
        catch (InvalidDataException fault)
        {
            var what = IsCompressed ? "cannot be decompressed" : "cannot be read";
            throw new DatasetException(
                $"{Path} {what}: {fault.Message} A whole file was expected. Fetch or write it again.", fault);
        }
        catch (CsvFormatException fault)
        {
            throw new DatasetException(
                $"{Path} cannot be read as {Format[1..]}: {fault.Message} Correct the file.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException(
                $"{Path} cannot be read: {fault.Message} A readable file was expected. Check it and its permissions.",
                fault);
        }
    }

    /// <summary>The first byte that belongs to no character of UTF-8, and its line.</summary>
    private (long Line, byte Value)? FindInvalidByte()
    {
        using var content = Open();
        var (bytes, characters) = (new byte[1 << 16], new char[1 << 16]);
        var line = 1L;
        for (var held = 0; ;)
        {
            var count = content.Read(bytes.AsSpan(held));
            var status = Utf8.ToUtf16(
                bytes.AsSpan(0, held + count), characters, out var read, out _, replaceInvalidSequences: false,
                count == 0);
            line += bytes.AsSpan(0, read).Count((byte)'\n');
            if (status == OperationStatus.InvalidData)
                return (line, bytes[read]);
            if (count == 0)
                return null;
            bytes.AsSpan(read, held + count - read).CopyTo(bytes);
            held += count - read;
        }
    }
}
