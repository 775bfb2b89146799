using System.IO.MemoryMappedFiles;

namespace Lorikeet.Formats;

/// <summary>
/// A file mapped read-only into memory. Pages are read when touched and shared with the system's cache, so opening a
/// checkpoint of any size costs no memory and nothing passes through the managed heap.
/// </summary>
public sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _start;

    /// <summary>Maps a file.</summary>
    /// <exception cref="CheckpointException">It cannot be read.</exception>
    public MappedFile(string path)
    {
        Path = path;
        try
        {
            Length = new FileInfo(path).Length;
            if (Length == 0)
                return; // an empty file cannot be mapped
            _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"'{path}' cannot be read: {fault.Message} Check the path and its permissions.", fault);
        }

        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Size of the file in bytes.</summary>
    public long Length { get; }

    /// <summary>The address of a byte of the file; valid until <see cref="Dispose"/>.</summary>
    public byte* At(long offset)
    {
        ObjectDisposedException.ThrowIf(_start is null && Length > 0, this);
        return _start + offset;
    }

    /// <summary>A stretch of the file as a span.</summary>
    /// <exception cref="CheckpointException">The stretch is not inside the file.</exception>
    public ReadOnlySpan<byte> Span(long offset, long length)
    {
        if (offset < 0 || length < 0 || length > int.MaxValue || offset > Length - length)
        {
            throw new CheckpointException(
                $"'{Path}' is damaged: {length} bytes at offset {offset} were expected, but the file has {Length} bytes. " +
                "It was probably cut short while it was copied or downloaded; fetch it again.");
        }

        return new ReadOnlySpan<byte>(At(offset), (int)length);
    }

    /// <summary>Gives the memory back; pointers and spans into it are dead.</summary>
    public void Dispose()
    {
        if (_start is not null)
            _view!.SafeMemoryMappedViewHandle.ReleasePointer();
        _start = null;
        _view?.Dispose();
        _file?.Dispose();
    }
}
