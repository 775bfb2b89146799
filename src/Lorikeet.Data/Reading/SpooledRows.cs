using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Formats;

namespace Lorikeet.Data.Reading;

/// <summary>Rows made in code, kept in a temporary file: a JSON object a line.</summary>
internal sealed class SpooledRows : IDisposable
{
    private static readonly JsonWriterOptions s_form = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly TemporaryPlace _place;
    private readonly FileStream _stream;

    public SpooledRows()
    {
        var target = Path.Combine(Path.GetTempPath(), "lorikeet-rows");
        _place = StorageFault.Writing(target, () => TemporaryPlace.ForFolder(target));
        File = new DataFile(Path.Combine(_place.Location, "rows.jsonl"));
        _stream = new FileStream(File.Path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
    }

    // Rows made in code may be left to the garbage collector, which does not delete files.
    ~SpooledRows() => _place?.Dispose();

    /// <summary>The file.</summary>
    public DataFile File { get; }

    /// <summary>How many rows it has.</summary>
    public long Count { get; private set; }

    /// <summary>Writes a row.</summary>
    /// <exception cref="StorageException">The file cannot be written.</exception>
    public void Add(JsonObject row)
    {
        StorageFault.Writing(File.Path, () =>
        {
            using (var writer = new Utf8JsonWriter(_stream, s_form))
                row.WriteTo(writer);
            _stream.WriteByte((byte)'\n');
        });
        Count++;
    }

    /// <summary>Says that this was the last row.</summary>
    public void Complete() => StorageFault.Writing(File.Path, _stream.Dispose);

    /// <summary>The rows, read anew at each enumeration.</summary>
    /// <param name="name">What messages call them.</param>
    public IEnumerable<DataRow> Read(string name)
    {
        foreach (var row in File.Guard(JsonRows.ReadLines))
            yield return row with { Origin = new RowOrigin(name, row.Origin.Number, IsLine: false) };
        GC.KeepAlive(this);
    }

    /// <summary>Deletes the file.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        _place.Dispose();
        GC.SuppressFinalize(this);
    }
}
