using System.Text;

namespace Lorikeet.Formats;

/// <summary>Files that are read whole, such as those of settings: never more than such a file can have.</summary>
public static class WholeFile
{
    /// <summary>More bytes than such files have.</summary>
    public const int LargestFile = 1 << 28;

    /// <summary>
    /// Whether a file has no content to read: an empty one, or none that is stored at all. Opening a pipe would wait
    /// for a writer, and a device has no end. What counts is its length, which is 0 too for files that the system makes
    /// up, such as those of /proc.
    /// </summary>
    /// <param name="path">The file, or a link to it; false where there is none.</param>
    public static bool IsEmpty(string path)
    {
        var file = new FileInfo(path);
        var target = file.LinkTarget is null ? file : file.ResolveLinkTarget(returnFinalTarget: true);
        return target is FileInfo { Exists: true, Length: 0 };
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">Bytes that it may have.</param>
    /// <returns>Its bytes; none where <see cref="IsEmpty"/> says so.</returns>
    /// <exception cref="IOException">It cannot be read, or has more bytes.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be read.</exception>
    public static byte[] ReadBytes(string path, long most = LargestFile)
    {
        if (IsEmpty(path))
            return [];
        using var file = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var content = new MemoryStream();
        var chunk = new byte[1 << 16];
        for (int count; (count = file.Read(chunk)) > 0;)
        {
            content.Write(chunk, 0, count);
            if (content.Length > most)
                throw new IOException($"The file has more than {most} bytes, which no file of its kind has.");
        }

        return content.ToArray();
    }

    /// <summary>Reads a text in UTF-8, or as its byte order mark says.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">Bytes that it may have.</param>
    /// <exception cref="IOException">It cannot be read, or has more bytes.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be read.</exception>
    public static string ReadText(string path, long most = LargestFile)
    {
        using var reader = new StreamReader(new MemoryStream(ReadBytes(path, most)), Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
