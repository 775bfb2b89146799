namespace Lorikeet.Formats;

/// <summary>
/// Writes a folder of files that belong together: they are made in a hidden folder beside the target, which takes its
/// name by one rename when all of them are complete.
/// </summary>
public static class AtomicFolder
{
    /// <summary>Writes a folder; an existing one is replaced.</summary>
    /// <param name="path">The folder to write.</param>
    /// <param name="write">
    /// Fills the folder it is given. When it throws, or the process dies, <paramref name="path"/> is as it was.
    /// </param>
    /// <remarks>
    /// Replacing takes two renames; a process that dies between them leaves the old folder under a hidden name. Names
    /// that are new, such as those of checkpoints, take one.
    /// </remarks>
    public static void Write(string path, Action<string> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        var temporary = TemporaryPath.Beside(target);
        Directory.CreateDirectory(temporary);
        try
        {
            write(temporary);
            Replace(target, temporary);
        }
        finally
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
        }
    }

    /// <summary>Removes a folder, if it is there, so that it is whole or gone however the process ends.</summary>
    public static void Delete(string path)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Directory.Exists(target)) return;
        var old = TemporaryPath.Beside(target);
        Directory.Move(target, old);
        Directory.Delete(old, recursive: true);
    }

    private static void Replace(string target, string temporary)
    {
        if (!Directory.Exists(target))
        {
            Directory.Move(temporary, target);
            return;
        }

        var old = TemporaryPath.Beside(target);
        Directory.Move(target, old);
        Directory.Move(temporary, target);
        Directory.Delete(old, recursive: true);
    }
}
