using System.Runtime.InteropServices;

namespace Lorikeet.Formats.Native;

/// <summary>
/// Writes the entries of folders to the disk. A renamed file survives the loss of power only when its folder was
/// flushed too (fsync(2)); .NET opens files alone.
/// </summary>
internal static partial class FolderFlush
{
    private const int ReadOnly = 0;

    /// <summary>
    /// Flushes a folder's own entries; false where the system or the file system cannot, as on Windows, whose renames
    /// need none.
    /// </summary>
    public static bool Flush(string folder)
    {
        if (OperatingSystem.IsWindows())
            return false;
        var descriptor = Open(folder, ReadOnly);
        if (descriptor < 0)
            return false;
        var flushed = Sync(descriptor) == 0;
        _ = Close(descriptor);
        return flushed;
    }

    /// <summary>Flushes a folder with all files and folders in it; those that are on the disk cost nothing.</summary>
    public static bool FlushAll(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            using var handle = File.OpenHandle(
                file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.FlushToDisk(handle);
        }

        var all = true;
        foreach (var inner in Directory.EnumerateDirectories(folder))
            all &= FlushAll(inner);
        return Flush(folder) && all;
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
