using System.Diagnostics;
using System.Text.Json;

namespace Lorikeet.Cli.Tests.Training;

/// <summary>A run as a process of its own that is sent a signal at a moment of one of its phases.</summary>
internal sealed class KilledRun : IDisposable
{
    // Against a hang only: a run here takes seconds, and minutes beside other suites.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    private readonly Process _process;
    private readonly ManualResetEventSlim _reached = new();
    private readonly Func<JsonElement, bool> _isMoment;
    private readonly Stopwatch _sinceSignal = new();
    private volatile string _lastEvent = "none";

    /// <summary>Starts it.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="isMoment">Whether an event of <c>--progress json</c> begins the moment that is waited for.</param>
    /// <param name="arguments">The command line.</param>
    public KilledRun(string folder, Func<JsonElement, bool> isMoment, string[] arguments)
    {
        _isMoment = isMoment;
        _process = CliProcess.Start(folder, Look, arguments);
    }

    /// <summary>How long it took to end after the signal.</summary>
    public TimeSpan SecondsToEnd => _sinceSignal.Elapsed;

    /// <summary>What it said that was no event.</summary>
    public string Talk { get; private set; } = "";

    /// <summary>
    /// Waits for the moment, and a little more, and sends the signal; false when the run ended before.
    /// </summary>
    public bool Interrupt(Signal signal, TimeSpan more)
    {
        var clock = Stopwatch.StartNew();
        while (!_reached.Wait(5) && !_process.HasExited && clock.Elapsed < s_patience)
        { }
        if (!_process.HasExited)
            Thread.Sleep(more);
        if (_process.HasExited)
            return false;
        _sinceSignal.Start();
        if (OperatingSystem.IsWindows())
            _process.Kill();
        else
            CliProcess.Send(_process, signal);
        return true;
    }

    /// <summary>Waits for the end; returns the exit code.</summary>
    public int Wait()
    {
        if (!_process.WaitForExit(s_patience))
            Assert.Fail("The process did not end. " + State());
        _sinceSignal.Stop();
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
        _reached.Dispose();
    }

    /// <summary>Where it stands: little processor time says that it waits, much that it is slow.</summary>
    private string State()
    {
        _process.Refresh();
        return $"Processor time: {_process.TotalProcessorTime}; its last event: {_lastEvent}; it said: {Talk}";
    }

    private void Look(string line)
    {
        if (!line.StartsWith('{'))
        {
            Talk += line + "\n";
            return;
        }

        _lastEvent = line;
        using var seen = JsonDocument.Parse(line);
        if (_isMoment(seen.RootElement))
            _reached.Set();
    }
}
