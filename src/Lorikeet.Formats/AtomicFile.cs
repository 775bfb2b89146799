using System.Text;

namespace Lorikeet.Formats;

/// <summary>
/// Writes files so that a reader sees the old content or the new one, never a part: the content goes to a temporary
/// file in the same folder, is flushed to the disk, and takes its name by one rename.
/// </summary>
public static class AtomicFile
{
    /// <summary>Writes a file through a stream; missing folders are created and an existing file is replaced.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="write">Writes the whole content. When it throws, <paramref name="path"/> is as it was.</param>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        var target = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var temporary = TemporaryPath.Beside(target);
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes UTF-8 text without a byte order mark.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="text">Its whole content.</param>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
}
