using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using Lorikeet.Formats.Native;

namespace Lorikeet.Formats;

/// <summary>
/// A hidden file or folder beside its target, in which something is made that takes its name by one rename. It goes
/// when it is disposed, when the process is asked to end, and, when the process was killed, with the next one that
/// writes into the same folder: <c>.NAME.GUID.lorikeet-tmp</c> is a file that its owner keeps locked for as long as it
/// lives.
/// </summary>
/// <remarks>
/// A folder <c>.NAME.GUID.lorikeet-new</c> belongs to the locked file of the same GUID, which exists before and after
/// it and holds the target's name. <c>.NAME.GUID.lorikeet-old</c> is what a whole new folder is about to replace.
/// </remarks>
public sealed partial class TemporaryPlace : IDisposable
{
    private const string Claimed = ".lorikeet-tmp";
    private const string New = ".lorikeet-new";
    private const string Old = ".lorikeet-old";

    private static readonly ConcurrentDictionary<TemporaryPlace, bool> s_alive = new();
    private static readonly ConcurrentDictionary<string, bool> s_swept = new();

    private readonly string _claim;
    private readonly string _target;
    private readonly bool _isFolder;

    // Held while it takes its name, and while it is removed.
    private readonly Lock _gate = new();
    private bool _isRemoved;

    private TemporaryPlace(string target, bool isFolder, bool isMade = true)
    {
        _target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        _isFolder = isFolder;
        var parent = Path.GetDirectoryName(_target)!;
        Directory.CreateDirectory(parent);
        if (s_swept.TryAdd(parent, true))
            Sweep(parent);
        (_claim, Stream) = Claim(parent, Shortened(Path.GetFileName(_target)));
        s_alive.TryAdd(this, true);
        if (!isFolder)
            return;
        Stream.Write(Encoding.UTF8.GetBytes(Path.GetFileName(_target)));
        Stream.Flush();
        if (isMade)
            Directory.CreateDirectory(Location);
    }

    /// <summary>The file to write, or the folder to fill.</summary>
    public string Location => _isFolder ? Path.ChangeExtension(_claim, null) + New : _claim;

    /// <summary>The open file to write and read; of a folder, its lock, which is not to be touched.</summary>
    public FileStream Stream { get; }

    private string Replaced => Path.ChangeExtension(_claim, null) + Old;

    /// <summary>A new empty file beside a target; missing folders are created.</summary>
    /// <param name="target">The path that <see cref="TakeName"/> will give it.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static TemporaryPlace ForFile(string target) => new(target, isFolder: false);

    /// <summary>A new empty folder beside a target; missing folders are created.</summary>
    /// <param name="target">The path that <see cref="TakeName"/> will give it.</param>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static TemporaryPlace ForFolder(string target) => new(target, isFolder: true);

    /// <summary>The target itself under a hidden name: a folder that is to go, and is whole until it does.</summary>
    internal static TemporaryPlace ForRemoval(string target)
    {
        var place = new TemporaryPlace(target, isFolder: true, isMade: false);
        try
        {
            Directory.Move(place._target, place.Location);
            return place;
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Whether a file or folder of this name is a temporary one, left by a process that lives or was killed.
    /// </summary>
    /// <param name="name">A name without its folder.</param>
    public static bool IsTemporaryName(string name) => OurName().IsMatch(name);

    /// <summary>
    /// Gives what was made the target's name, on the disk too; what had it before is gone.
    /// </summary>
    /// <exception cref="IOException">It cannot be renamed; the target is as it was.</exception>
    public void TakeName()
    {
        if (_isFolder)
            FolderFlush.FlushAll(Location);
        lock (_gate)
        {
            // Another thread may have made the folder once more, with what it wrote since.
            if (_isRemoved)
                throw new IOException($"'{_target}' was not written: the process was told to end.");
            Rename();
        }

        FolderFlush.Flush(Path.GetDirectoryName(_target)!);
        if (Directory.Exists(Replaced))
            Directory.Delete(Replaced, recursive: true);
    }

    private void Rename()
    {
        if (!_isFolder)
        {
            // While it is open, so that at no time a sweep takes it for abandoned.
            File.Move(_claim, _target, overwrite: true);
            return;
        }

        if (!Directory.Exists(_target))
        {
            Directory.Move(Location, _target);
            return;
        }

        Directory.Move(_target, Replaced);
        try
        {
            Directory.Move(Location, _target);
        }
        catch
        {
            Directory.Move(Replaced, _target);
            throw;
        }
    }

    /// <summary>Deletes it unless it took its name.</summary>
    public void Dispose()
    {
        if (!s_alive.TryRemove(this, out _))
            return;
        Remove();
        try
        {
            Stream.Dispose();
        }
        catch (IOException)
        {
            // What could not be written for want of space is not wanted any more.
        }
    }

    /// <summary>Deletes those that this process has not finished; for programs that are about to end.</summary>
    public static void DeleteAll()
    {
        foreach (var place in s_alive.Keys)
            place.Remove();
    }

    /// <summary>
    /// Removes what processes that are gone left in a folder, and finishes the replacement of a folder that one of them
    /// was killed in. Files of other names, and those of processes that live, stay.
    /// </summary>
    internal static void Sweep(string folder)
    {
        try
        {
            foreach (var claim in Directory.EnumerateFiles(folder, ".*" + Claimed).Where(IsOurs).ToList())
                SweepOne(claim);
            foreach (var left in Directory.EnumerateDirectories(folder, ".*").Where(IsUnclaimed).ToList())
                Directory.Delete(left, recursive: true);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // What cannot be tidied is not what the caller came for.
        }
    }

    private static void SweepOne(string claim)
    {
        try
        {
            using var held = Open(claim, FileMode.Open, FileShare.None);
            if (!LocksWork(claim))
                return;
            var (made, replaced) = (Path.ChangeExtension(claim, null) + New, Path.ChangeExtension(claim, null) + Old);
            if (Directory.Exists(replaced))
                Complete(made, replaced, NameIn(held));
            foreach (var left in new[] { made, replaced }.Where(Directory.Exists))
                Directory.Delete(left, recursive: true);
            File.Delete(claim);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            // Its owner lives, or another process sweeps.
        }
    }

    /// <summary>
    /// A folder without its claim, which goes last: a process that was told to end removed what it was making, and one
    /// of its threads made the folder once more before the end; or a folder was being deleted whose successor has its
    /// name.
    /// </summary>
    private static bool IsUnclaimed(string folder) =>
        Path.GetExtension(folder) is New or Old && IsOurs(folder)
            && !File.Exists(Path.ChangeExtension(folder, null) + Claimed);

    /// <summary>The new folder was whole when the old one was moved away.</summary>
    private static void Complete(string made, string replaced, string name)
    {
        var target = Path.Combine(Path.GetDirectoryName(replaced)!, name);
        if (name.Length > 0 && !Path.Exists(target))
            Directory.Move(Directory.Exists(made) ? made : replaced, target);
    }

    /// <summary>
    /// A new locked file. A sweep may catch it between its creation and its lock; then it takes another name.
    /// </summary>
    private static (string Path, FileStream Stream) Claim(string parent, string name)
    {
        const int attempts = 10;
        for (var attempt = 1; ; attempt++)
        {
            var path = Path.Combine(parent, $".{name}.{Guid.NewGuid():N}{Claimed}");
            FileStream stream;
            try
            {
                stream = Open(path, FileMode.CreateNew, FileShare.Delete);
            }
            catch (IOException) when (attempt < attempts && File.Exists(path))
            {
                continue;
            }

            if (File.Exists(path))
                return (path, stream);
            stream.Dispose();
            if (attempt == attempts)
                throw new IOException($"'{path}' vanished as soon as it was written.");
        }
    }

    // Read access too: over the network, files that are only written cannot be locked.
    private static FileStream Open(string path, FileMode mode, FileShare share) =>
        new(path, mode, FileAccess.ReadWrite, share, 1 << 16);

    /// <summary>
    /// Whether a file that is held open cannot be opened for oneself: some file systems know no locks.
    /// </summary>
    private static bool LocksWork(string held)
    {
        try
        {
            using var second = Open(held, FileMode.Open, FileShare.None);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private void Remove()
    {
        lock (_gate)
        {
            _isRemoved = true;
            try
            {
                if (_isFolder && Directory.Exists(Location))
                    Directory.Delete(Location, recursive: true);

                // What could neither be replaced nor put back is the only copy; with its claim a sweep puts it back.
                if (!Directory.Exists(Replaced) || Path.Exists(_target))
                    File.Delete(_claim);
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                // The next process that writes here sweeps it.
            }
        }
    }

    /// <summary>A path as people know it, with the name that a temporary file or folder in it will take.</summary>
    internal static string Shown(string path) => string.Join(
        Path.DirectorySeparatorChar,
        path.Split(Path.DirectorySeparatorChar)
            .Select(part => OurName().Match(part) is { Success: true } ours ? ours.Groups[1].Value : part));

    private static bool IsOurs(string path) => IsTemporaryName(Path.GetFileName(path));

    private static string NameIn(FileStream claim)
    {
        using var reader = new StreamReader(claim, leaveOpen: true);
        return Path.GetFileName(reader.ReadToEnd());
    }

    /// <summary>A name to which a GUID and an ending can be added: file systems allow 255 bytes.</summary>
    private static string Shortened(string name)
    {
        const int most = 60;
        return name.Length <= most ? name : string.Concat(name.EnumerateRunes().Take(most / 2));
    }

    [GeneratedRegex(@"^\.(.+)\.[0-9a-f]{32}\.lorikeet-(tmp|new|old)$", RegexOptions.Singleline)]
    private static partial Regex OurName();
}
