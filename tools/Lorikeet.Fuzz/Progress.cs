using System.IO.MemoryMappedFiles;

namespace Lorikeet.Fuzz;

/// <summary>Which input a worker is at, in a file that outlives its process.</summary>
internal sealed class Progress : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public Progress(string path)
    {
        Path = path;
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, sizeof(long));
        _view = _file.CreateViewAccessor();
    }

    public string Path { get; }

    /// <summary>The input that is tried; after the last one, their number.</summary>
    public long Current
    {
        get => _view.ReadInt64(0);
        set => _view.Write(0, value);
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
