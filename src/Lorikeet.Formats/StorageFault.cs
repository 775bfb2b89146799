namespace Lorikeet.Formats;

/// <summary>
/// What the system says of a file or folder, in words that name the place, the reason and the next step. Everything
/// that reads or writes files turns its errors into these.
/// </summary>
public static class StorageFault
{
    private const int Busy = 16;
    private const int TooManyFiles = 24;
    private const int DiskFull = 28;
    private const int ReadOnly = 30;
    private const int QuotaOfMacOs = 69;
    private const int QuotaOfLinux = 122;

    // HRESULTs of Windows: ERROR_WRITE_PROTECT, ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL.
    private const int WriteProtected = unchecked((int)0x80070013);
    private const int HandleDiskFull = unchecked((int)0x80070027);
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    /// <summary>
    /// Whether an error is of a kind that this class explains: that of files, folders and permissions.
    /// </summary>
    /// <param name="fault">What was thrown.</param>
    public static bool Covers(Exception fault) => fault is IOException or UnauthorizedAccessException;

    /// <summary>
    /// Whether an error can only come from writing: the disk or a quota is full, or nothing may be written.
    /// </summary>
    internal static bool IsOfWriting(Exception fault) =>
        fault is IOException && (IsFull(fault.HResult) || IsReadOnly(fault.HResult));

    /// <summary>Reads something, and says what is wrong with the place when that fails.</summary>
    /// <exception cref="StorageException">It cannot be read.</exception>
    internal static T Reading<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception fault) when (Covers(fault))
        {
            throw OfReading(path, fault);
        }
    }

    /// <summary>Writes something, and says what is wrong with the place when that fails.</summary>
    /// <typeparam name="T">Type of the result.</typeparam>
    /// <param name="path">What is written, for the message.</param>
    /// <param name="write">Writes it.</param>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public static T Writing<T>(string path, Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception fault) when (Covers(fault))
        {
            throw OfWriting(path, fault);
        }
    }

    /// <summary>Writes something, and says what is wrong with the place when that fails.</summary>
    /// <param name="path">What is written, for the message.</param>
    /// <param name="write">Writes it.</param>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public static void Writing(string path, Action write) => Writing(path, () =>
    {
        write();
        return true;
    });

    /// <summary>Why a file or folder cannot be read.</summary>
    internal static StorageException OfReading(string path, Exception fault)
    {
        var shown = TemporaryPlace.Shown(path);
        return fault switch
        {
            UnauthorizedAccessException when IsListable(path) => new StorageException(
                $"'{shown}' is a folder. A file was expected. Name a file.", fault),
            UnauthorizedAccessException => new StorageException(
                $"'{shown}' cannot be read: permission denied. Change its permissions, or run as a user who may " +
                "read it.", fault),
            FileNotFoundException or DirectoryNotFoundException => new StorageException(
                FileInTheWay(path) is { } file
                    ? $"'{shown}' cannot be read: '{file}' is a file, not a folder. Check the path."
                    : $"'{shown}' does not exist. Check the path.",
                fault),
            PathTooLongException =>
                new StorageException($"'{shown}' is longer than the file system allows. Check the path.", fault),
            { HResult: TooManyFiles } => new StorageException(
                $"'{shown}' cannot be read: the process has too many files open. Raise the limit ('ulimit -n').", fault,
                isEnvironmental: true),
            _ => new StorageException(
                $"'{shown}' cannot be read: {Sentence(fault)} Check the path and the disk.", fault,
                isEnvironmental: true),
        };
    }

    /// <summary>Why a file or folder cannot be written.</summary>
    /// <param name="path">The place.</param>
    /// <param name="fault">What the system says.</param>
    /// <param name="needed">Bytes that were to be written, where that is known.</param>
    internal static StorageException OfWriting(string path, Exception fault, long? needed = null)
    {
        var shown = TemporaryPlace.Shown(path);
        var refused = $"'{shown}' cannot be written: ";
        if (fault is IOException && IsFull(fault.HResult))
            return Full(path, needed, fault);
        if (FileInTheWay(path) is { } file)
            return new StorageException($"{refused}'{file}' is a file, not a folder. Choose another place.", fault);
        return fault switch
        {
            { HResult: ReadOnly or WriteProtected } => new StorageException(
                $"{refused}its file system is read-only. Choose another place.", fault),
            UnauthorizedAccessException => new StorageException(
                $"{refused}permission denied. Choose another place, or change the permissions of its folder.", fault),
            FileNotFoundException or DirectoryNotFoundException => new StorageException(
                $"{refused}there is no such place. Choose another.", fault),
            PathTooLongException => new StorageException(
                $"{refused}its name is longer than the file system allows. Choose a shorter one.", fault),
            { HResult: Busy } => new StorageException(
                $"{refused}it is in use, perhaps as the place where a disk is mounted. Name a folder below it.", fault),
            { HResult: TooManyFiles } => new StorageException(
                $"{refused}the process has too many files open. Raise the limit ('ulimit -n').", fault,
                isEnvironmental: true),
            _ => new StorageException($"{refused}{Sentence(fault)} Choose another place.", fault),
        };
    }

    /// <summary>The error to show where nothing but the system's own words is known.</summary>
    /// <param name="fault">What was thrown; see <see cref="Covers"/>.</param>
    public static StorageException Of(Exception fault) => new(
        IsFull(fault.HResult)
            ? $"The disk is full: {Sentence(fault)} Free some space and run it again."
            : $"A file or folder could not be used: {Sentence(fault)} Check the path, its permissions and the disk.",
        fault, isEnvironmental: IsFull(fault.HResult));

    /// <summary>That a disk has too little space.</summary>
    /// <param name="path">What was to be written.</param>
    /// <param name="needed">Its bytes, where that is known.</param>
    /// <param name="fault">What the system says.</param>
    internal static StorageException Full(string path, long? needed, Exception? fault = null)
    {
        var shown = TemporaryPlace.Shown(path);
        var folder = OutputPlace.ExistingFolder(shown);
        var free = OutputPlace.FreeBytes(folder) is { } bytes ? $"{ByteCount.InWords(bytes)} free" : "nothing free";
        var need = needed is { } wanted ? $", {ByteCount.InWords(wanted)} needed for '{Path.GetFileName(shown)}'" : "";
        return new StorageException(
            $"The disk of '{folder}' is full: {free}{need}. Free some space and run it again, or choose another place.",
            fault,
            isEnvironmental: true);
    }

    /// <summary>The file that stands where a folder of the path would have to be, if there is one.</summary>
    internal static string? FileInTheWay(string path)
    {
        for (var parent = Path.GetDirectoryName(
            Path.GetFullPath(path)); parent is not null; parent = Path.GetDirectoryName(parent))
        {
            if (File.Exists(parent))
                return parent;
            if (Directory.Exists(parent))
                return null;
        }

        return null;
    }

    private static bool IsFull(int code) =>
        code is DiskFull or QuotaOfLinux or QuotaOfMacOs or HandleDiskFull or WindowsDiskFull;

    private static bool IsReadOnly(int code) => code is ReadOnly or WriteProtected;

    private static bool IsListable(string folder)
    {
        try
        {
            _ = Directory.EnumerateFileSystemEntries(folder).Any();
            return true;
        }
        catch (Exception fault) when (Covers(fault))
        {
            return false;
        }
    }

    private static string Sentence(Exception fault) => fault.Message.TrimEnd('.', ' ') + ".";
}
