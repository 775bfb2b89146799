using System.IO.Compression;
using System.Text;

namespace Lorikeet.Data.Reading;

/// <summary>A file that holds rows, compressed or not.</summary>
/// <param name="Path">Path as the user will recognise it.</param>
internal sealed record DataFile(string Path)
{
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
        return IsCompressed ? new GZipStream(file, CompressionMode.Decompress) : file;
    }

    /// <summary>The content as text: UTF-8, or UTF-16 and UTF-32 that a byte order mark announces.</summary>
    public StreamReader OpenText() => new(Open(), StrictUtf8, detectEncodingFromByteOrderMarks: true, 1 << 16);

    /// <summary>Runs a reader of this file, and says so when its bytes are at fault.</summary>
    public IEnumerable<DataRow> Guard(Func<DataFile, IEnumerable<DataRow>> read)
    {
        IEnumerator<DataRow>? rows = null;
        try
        {
            while (Attempt(() => (rows ??= read(this).GetEnumerator()).MoveNext()))
                yield return rows!.Current;
        }
        finally
        {
            rows?.Dispose();
        }
    }

    private bool Attempt(Func<bool> step)
    {
        try
        {
            return step();
        }
        catch (DecoderFallbackException fault)
        {
            throw new DatasetException(
                $"{Path} holds bytes that are not UTF-8. Data files are UTF-8, or UTF-16 with a byte order mark. " +
                "Convert it, for example with iconv.", fault);
        }
        catch (InvalidDataException fault)
        {
            throw new DatasetException(
                $"{Path} cannot be decompressed: {fault.Message} A whole gzip file was expected. " +
                "Fetch or write it again.", fault);
        }
    }
}
