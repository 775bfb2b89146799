using System.Diagnostics;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Cache;

/// <summary>A lock among processes, which other Hugging Face tools honour too.</summary>
/// <remarks>.NET opens an unshared file with <c>flock</c> on Unix, and that is what Python's filelock takes.</remarks>
internal sealed class FileLock : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly FileStream _file;

    private FileLock(FileStream file) => _file = file;

    /// <summary>Waits until no one else holds the lock, as long as what its holder writes moves.</summary>
    /// <param name="path">The lock.</param>
    /// <param name="written">The file that the holder writes.</param>
    /// <param name="patience">How long that file may stay as it is.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="HubException">The holder does nothing.</exception>
    /// <exception cref="IOException">The lock cannot be opened at all, as on a read-only disk.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public static async Task<FileLock> AcquireAsync(
        string path, string written, TimeSpan patience, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var (length, since) = (LengthOf(written), Stopwatch.GetTimestamp());
        while (true)
        {
            try
            {
                return new FileLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException fault) when (IsHeld(fault))
            {
                await Task.Delay(Pause, cancellation).ConfigureAwait(false);
            }
            if (LengthOf(written) is var now && now != length)
                (length, since) = (now, Stopwatch.GetTimestamp());
            else if (Stopwatch.GetElapsedTime(since) is var waited && waited > patience)
                throw HubErrors.Locked(path, waited);
        }
    }

    public void Dispose() => _file.Dispose();

    // EWOULDBLOCK of Linux and macOS; a sharing or lock violation of Windows.
    private static bool IsHeld(IOException fault) => OperatingSystem.IsWindows()
        ? (fault.HResult & 0xFFFF) is 32 or 33
        : fault.HResult is 11 or 35;

    private static long LengthOf(string path) =>
        new FileInfo(path) is { Exists: true, Length: var length } ? length : -1;
}
