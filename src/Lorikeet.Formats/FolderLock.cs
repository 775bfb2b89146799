using System.Diagnostics;

namespace Lorikeet.Formats;

/// <summary>
/// Keeps a folder to one process. The lock belongs to an open file, so the system releases it however the process ends;
/// the file itself stays, because removing it would let two processes lock two files of one name.
/// </summary>
public sealed class FolderLock : IDisposable
{
    /// <summary>The file that is locked; it is empty.</summary>
    public const string FileName = ".lock";

    /// <summary>Says who holds the lock. A file by itself, because a locked one cannot be read everywhere.</summary>
    public const string OwnerFileName = ".lock.owner";

    private readonly string _folder;
    private readonly FileStream _file;
    private bool _isReleased;

    private FolderLock(string folder, FileStream file)
    {
        (_folder, _file) = (folder, file);
        WriteOwner();
    }

    /// <summary>Locks a folder that exists.</summary>
    /// <exception cref="ConfigurationException">Another process holds it, or it cannot be written.</exception>
    public static FolderLock Take(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            return new FolderLock(folder, file);
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new ConfigurationException(
                $"'{folder}' cannot be written: {fault.Message} Choose a folder of your own.", fault);
        }
        catch (IOException fault) when (File.Exists(path))
        {
            throw new ConfigurationException(
                $"'{folder}' is in use by {Owner(folder)}. Two runs in one folder would destroy each other's files. "
                + "Wait until it has ended, or choose another folder.", fault);
        }
    }

    /// <summary>
    /// Who holds a folder, as they wrote; null when nobody does, or when they were a process of this machine that has
    /// ended. Nothing is locked meanwhile, so it is a moment's answer, for displays.
    /// </summary>
    /// <param name="folder">The folder; it need not exist.</param>
    public static string? HolderOf(string folder)
    {
        if (!File.Exists(Path.Combine(folder, OwnerFileName)))
            return null;
        var owner = Owner(folder);
        return owner.Split(' ') is ["process", var id, "on", var machine] && machine == Environment.MachineName
            && int.TryParse(id, out var process) && !IsAlive(process) ? null : owner;
    }

    /// <summary>Whether somebody holds a folder; a moment's answer too.</summary>
    /// <param name="folder">The folder; it need not exist.</param>
    public static bool IsTaken(string folder) => HolderOf(folder) is not null;

    /// <summary>Releases the folder.</summary>
    public void Dispose()
    {
        if (_isReleased)
            return;
        _isReleased = true;
        if (Directory.Exists(_folder))
            File.Delete(Path.Combine(_folder, OwnerFileName));
        _file.Dispose();
    }

    private static bool IsAlive(int process)
    {
        try
        {
            using var found = Process.GetProcessById(process);
            return !found.HasExited;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private void WriteOwner()
    {
        try
        {
            File.WriteAllText(
                Path.Combine(_folder, OwnerFileName),
                $"process {Environment.ProcessId} on {Environment.MachineName}\n");
        }
        catch (IOException)
        {
            // It only makes the refusal of another process clearer.
        }
    }

    private static string Owner(string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, OwnerFileName)).Trim();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return "another process";
        }
    }
}
