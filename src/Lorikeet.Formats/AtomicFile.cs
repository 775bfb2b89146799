using System.Text;
using Lorikeet.Formats.Native;

namespace Lorikeet.Formats;

/// <summary>
/// Writes files so that a reader sees the old content or the new one, never a part: the content goes to a temporary
/// file in the same folder, is flushed to the disk, and takes its name by one rename.
/// </summary>
public static class AtomicFile
{
    /// <summary>Writes a file through a stream; missing folders are created and an existing file is replaced.</summary>
    /// <param name="path">The file to write; a device such as /dev/stdout is written as it is.</param>
    /// <param name="write">Writes the whole content. When it throws, <paramref name="path"/> is as it was.</param>
    /// <param name="byteCount">Bytes of the content, where that is known: an error about a full disk says it.</param>
    /// <exception cref="StorageException">The file cannot be written; it is as it was.</exception>
    public static void Write(string path, Action<Stream> write, long? byteCount = null)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (OutputPlace.IsDevice(path))
            WriteDevice(path, write);
        else
            WriteFile(path, write, byteCount);
    }

    /// <summary>
    /// Writes a file by its path: it is made under its own name in a hidden folder beside its place, and moved there
    /// when it is complete.
    /// </summary>
    /// <param name="path">The file to write.</param>
    /// <param name="write">
    /// Writes the file whose path it is given, and says whether it is to be kept; when it is not, or when it throws,
    /// <paramref name="path"/> is as it was.
    /// </param>
    /// <returns>Whether it was kept.</returns>
    /// <exception cref="StorageException">The file cannot be written; it is as it was.</exception>
    public static bool TryWrite(string path, Func<string, bool> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using var place = StorageFault.Writing(path, () => TemporaryPlace.ForFolder(path));
        var made = Path.Combine(place.Location, Path.GetFileName(path));
        try
        {
            if (!write(made))
                return false;
        }
        catch (IOException fault) when (StorageFault.IsOfWriting(fault))
        {
            place.Dispose(); // so that what it took counts as free
            throw StorageFault.OfWriting(path, fault);
        }

        StorageFault.Writing(path, () =>
        {
            FolderFlush.FlushAll(place.Location);
            File.Move(made, path, overwrite: true);
            FolderFlush.Flush(Path.GetDirectoryName(Path.GetFullPath(path))!);
            return place;
        });
        return true;
    }

    /// <summary>Writes UTF-8 text without a byte order mark.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="text">Its whole content.</param>
    public static void WriteText(string path, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Write(path, stream => stream.Write(bytes), bytes.Length);
    }

    private static void WriteFile(string path, Action<Stream> write, long? byteCount)
    {
        using var place = StorageFault.Writing(path, () => TemporaryPlace.ForFile(path));
        try
        {
            write(place.Stream);
        }
        catch (IOException fault) when (StorageFault.IsOfWriting(fault))
        {
            place.Dispose(); // so that what it took counts as free
            throw StorageFault.OfWriting(path, fault, byteCount);
        }

        StorageFault.Writing(path, () =>
        {
            place.Stream.Flush(flushToDisk: true);
            place.TakeName();
            return place;
        });
    }

    private static void WriteDevice(string path, Action<Stream> write) => StorageFault.Writing(path, () =>
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Write);
        write(stream);
        stream.Flush();
        return stream;
    });
}
