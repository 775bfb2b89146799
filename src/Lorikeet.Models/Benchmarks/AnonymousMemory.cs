using System.Diagnostics;
using System.Globalization;

namespace Lorikeet.Models.Benchmarks;

/// <summary>
/// The most memory of its own that this process holds while something runs: <c>RssAnon</c> on Linux, which leaves out
/// files that are mapped, and the working set elsewhere. Looked at every few milliseconds.
/// </summary>
internal sealed class AnonymousMemory : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(5);

    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _watch;
    private readonly long _before;
    private long _most;

    public AnonymousMemory()
    {
        _before = _most = Now();
        _watch = new Thread(Watch) { IsBackground = true };
        _watch.Start();
    }

    /// <summary>Bytes of the peak above what there was at first.</summary>
    public long Growth => Math.Max(Interlocked.Read(ref _most), Now()) - _before;

    public void Dispose()
    {
        _stop.Set();
        _watch.Join();
        _stop.Dispose();
    }

    private void Watch()
    {
        do
            Interlocked.Exchange(ref _most, Math.Max(_most, Now()));
        while (!_stop.Wait(s_interval));
    }

    private static long Now()
    {
        const string status = "/proc/self/status", field = "RssAnon:";
        if (OperatingSystem.IsLinux()
            && File.ReadLines(status)
                .FirstOrDefault(line => line.StartsWith(field, StringComparison.Ordinal)) is { } found)
        {
            return long.Parse(found[field.Length..^"kB".Length], CultureInfo.InvariantCulture) * 1024;
        }

        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
