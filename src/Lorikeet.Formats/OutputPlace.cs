namespace Lorikeet.Formats;

/// <summary>Checks a place for results before any work is done for them.</summary>
public static class OutputPlace
{
    // A full disk often still takes an empty file.
    private const int ProbeBytes = 4096;

    /// <summary>Refuses a name that cannot become a file.</summary>
    /// <param name="option">The option, as the user knows it: it begins the message.</param>
    /// <param name="path">Its value.</param>
    /// <exception cref="LorikeetException">
    /// The name is empty or taken by a folder, or nothing can be written there.
    /// </exception>
    public static void RequireFile(string option, string path)
    {
        RequireName(option, path, "file");
        if (Directory.Exists(path) || Path.EndsInDirectorySeparator(path))
            throw new ConfigurationException(
                $"{option} is '{path}', which is a folder. A file was expected. Name a file in it.");
        if (IsDevice(path))
            return;
        Probe(option, path, Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Refuses a name that cannot become a folder in which files are written.</summary>
    /// <param name="option">The option, as the user knows it: it begins the message.</param>
    /// <param name="path">Its value.</param>
    /// <param name="isReplaced">Whether the folder is made beside its place and takes it as a whole.</param>
    /// <exception cref="LorikeetException">
    /// The name is empty or taken by a file, or nothing can be written there.
    /// </exception>
    public static void RequireFolder(string option, string path, bool isReplaced)
    {
        RequireName(option, path, "folder");
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(full))
            throw new ConfigurationException(
                $"{option} is '{path}', which is a file. A folder was expected. Name another.");
        if (isReplaced && (Path.GetDirectoryName(full) is null || IsMountPoint(full)))
        {
            throw new ConfigurationException(
                $"{option} is '{path}', where a disk is mounted. A folder that can be replaced was expected. Name a " +
                "folder below it.");
        }

        Probe(option, path, isReplaced ? Path.GetDirectoryName(full)! : full);
    }

    /// <summary>Refuses a disk with less space than is known to be needed.</summary>
    /// <param name="path">What is to be written.</param>
    /// <param name="bytes">Bytes it will take.</param>
    /// <exception cref="StorageException">There are fewer; it says how many.</exception>
    public static void RequireSpace(string path, long bytes)
    {
        if (FreeBytes(ExistingFolder(path)) is { } free && free < bytes)
            throw StorageFault.Full(path, bytes);
    }

    /// <summary>Refuses an output that would overwrite or remove an input.</summary>
    /// <param name="option">The option of the output, as the user knows it: it begins the message.</param>
    /// <param name="output">The output.</param>
    /// <param name="isFolder">Whether it is a folder whose content is replaced.</param>
    /// <param name="input">What the input is, with its article: the adapter.</param>
    /// <param name="path">The input: a file or folder.</param>
    /// <param name="isPart">
    /// Whether a file in the input's folder, by its name there, belongs to the input; by default all do.
    /// </param>
    /// <exception cref="ConfigurationException">
    /// They are one place, or one lies in the other where that does harm.
    /// </exception>
    public static void RequireApart(
        string option, string output, bool isFolder, string input, string path, Func<string, bool>? isPart = null)
    {
        if (!Path.Exists(path))
            return;
        if (CanonicalPath.AreEqual(output, path))
            throw Same(option, output, $"which is {input} itself, and would be overwritten");
        if (isFolder && CanonicalPath.Contains(output, path))
            throw Same(option, output, $"which holds {input} ('{path}') and would be replaced with all it holds");
        if (!isFolder && File.Exists(output) && CanonicalPath.Contains(path, output)
            && isPart?.Invoke(NameIn(path, output)) != false)
            throw Same(option, output, $"which is a file of {input} ('{path}') and would be overwritten");
    }

    /// <summary>The nearest folder of a path that exists.</summary>
    internal static string ExistingFolder(string path)
    {
        var folder = Path.GetFullPath(path);
        while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } parent)
            folder = parent;
        return folder;
    }

    /// <summary>Bytes that may be written on a folder's disk; null where the system does not say.</summary>
    internal static long? FreeBytes(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception fault) when (StorageFault.Covers(fault) || fault is ArgumentException)
        {
            return null;
        }
    }

    /// <summary>
    /// Whether a path is written as it is, because it is no place that a file could take: /dev/stdout.
    /// </summary>
    internal static bool IsDevice(string path)
    {
        var full = Path.GetFullPath(path);
        return !OperatingSystem.IsWindows() && Path.Exists(full) && !Directory.Exists(full)
            && full.StartsWith("/dev/", StringComparison.Ordinal)
            && !full.StartsWith("/dev/shm/", StringComparison.Ordinal);
    }

    private static void RequireName(string option, string path, string kind)
    {
        if (string.IsNullOrWhiteSpace(path))
            throw new ConfigurationException($"{option} is empty. The name of a {kind} was expected.");
        if (path.Contains('\0'))
            throw new ConfigurationException(
                $"{option} holds a character that no name can have (NUL). Choose another.");
    }

    private static void Probe(string option, string path, string folder)
    {
        if (StorageFault.FileInTheWay(path) is { } file)
            throw new ConfigurationException(
                $"{option} is '{path}', but '{file}' is a file, not a folder. Choose another place.");
        try
        {
            using var place = TemporaryPlace.ForFile(Path.Combine(ExistingFolder(folder), "probe"));
            place.Stream.Write(new byte[ProbeBytes]);
            place.Stream.Flush(flushToDisk: true);
        }
        catch (Exception fault) when (StorageFault.Covers(fault))
        {
            var refusal = StorageFault.OfWriting(path, fault, ProbeBytes);
            throw new StorageException($"{option}: {refusal.Message}", fault, refusal.IsEnvironmental);
        }
    }

    private static bool IsMountPoint(string folder)
    {
        if (!Directory.Exists(folder))
            return false;
        try
        {
            return DriveInfo.GetDrives().Any(drive => CanonicalPath.AreEqual(drive.Name, folder));
        }
        catch (Exception fault) when (StorageFault.Covers(fault))
        {
            return false;
        }
    }

    private static string NameIn(string folder, string file) =>
        Path.GetRelativePath(CanonicalPath.Of(folder), CanonicalPath.Of(file))
            .Replace(Path.DirectorySeparatorChar, '/');

    private static ConfigurationException Same(string option, string output, string what) =>
        new($"{option} is '{output}', {what}. Choose another place.");
}
