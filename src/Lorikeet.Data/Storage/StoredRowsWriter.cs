using System.Runtime.InteropServices;

namespace Lorikeet.Data.Storage;

/// <summary>Writes the files of <see cref="StoredRows"/>, a row at a time.</summary>
internal sealed class StoredRowsWriter : IDisposable
{
    private readonly FileStream _ids;
    private readonly FileStream _labels;
    private readonly FileStream _ends;
    private long _tokens;

    public StoredRowsWriter(string folder)
    {
        _ids = Create(folder, StoredRows.IdsFile);
        _labels = Create(folder, StoredRows.LabelsFile);
        _ends = Create(folder, StoredRows.EndsFile);
    }

    /// <summary>Appends a row.</summary>
    public void Add(TrainingRow row)
    {
        _ids.Write(MemoryMarshal.AsBytes<int>(row.Ids));
        _labels.Write(MemoryMarshal.AsBytes<int>(row.Labels));
        _tokens += row.Length;
        _ends.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<long>(in _tokens)));
    }

    public void Dispose()
    {
        _ids.Dispose();
        _labels.Dispose();
        _ends.Dispose();
    }

    private static FileStream Create(string folder, string name) =>
        new(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16);
}
