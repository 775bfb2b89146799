using System.Collections.Concurrent;
using System.Diagnostics;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>A command that is ended again and again, and sometimes left alone, each time onto the same place.</summary>
internal sealed class KilledCommand
{
    // Against a hang only: a command here takes a second, and minutes beside other suites.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    private readonly KilledPlace _place;
    private readonly string _whole;
    private readonly Random _random;
    private readonly KillCounts _counts;
    private string? _old;
    private int _rounds;
    private int _starts;

    // How long it takes to begin to write and to end from there, as last seen; the first are guesses.
    private TimeSpan _reading = TimeSpan.FromSeconds(1);
    private TimeSpan _writing = TimeSpan.FromMilliseconds(300);

    /// <summary>Makes the place ready.</summary>
    /// <param name="place">Where its output goes.</param>
    /// <param name="whole">SHA-256 of what an undisturbed command writes.</param>
    /// <param name="random">Gives the moments.</param>
    /// <param name="counts">Counts what was seen.</param>
    public KilledCommand(KilledPlace place, string whole, Random random, KillCounts counts)
    {
        (_place, _whole, _random, _counts) = (place, whole, random, counts);
        BeginRound();
    }

    /// <summary>
    /// Ends it at a moment of its writing or, every second time, of its whole duration; one that is quicker is started
    /// again.
    /// </summary>
    public void EndOnce(Signal signal)
    {
        while (!TryEnd(signal))
            RequireFinished();
        if (_random.Next(3) == 0)
            Finish();
    }

    /// <summary>Lets one come to its end: its output is whole, and nothing is left beside it.</summary>
    public void Finish()
    {
        using var run = new Started(_place);
        run.WaitForWriting();
        var reading = run.Elapsed;
        run.WaitForEnd();
        Assert.True(run.ExitCode == 0, run.Talk);
        (_reading, _writing) = (reading, run.Elapsed - reading);
        RequireFinished();
    }

    private bool TryEnd(Signal signal)
    {
        using var run = new Started(_place);
        if (_starts++ % 2 == 1)
        {
            Thread.Sleep((_reading + _writing) * _random.NextDouble());
        }
        else
        {
            run.WaitForWriting();
            Thread.Sleep(_writing * _random.NextDouble());
        }

        if (!run.TrySend(signal))
        {
            Assert.True(run.ExitCode == 0, run.Talk);
            return false;
        }

        var wasWriting = run.HasBegunToWrite;
        run.WaitForEnd();
        if (signal == Signal.Terminate)
            Assert.True(run.ExitCode is 0 or 128 + (int)Signal.Terminate, $"{run.ExitCode}: {run.Talk}");
        var left = _place.Content();
        if (left is null && _old is not null)
            Assert.Contains(_old, _place.HiddenContents());
        else
            Assert.True(left is null || left == _old || left == _whole, "Something half written has the name.");
        _place.RequireOthersUntouched();
        _counts.Add($"{signal} while {(wasWriting ? "writing" : "reading")}",
            left is null ? "absent" : left == _whole ? "whole" : "as before");
        return true;
    }

    private void RequireFinished()
    {
        Assert.Equal(_whole, _place.Content());
        Assert.Empty(_place.Hidden());
        _place.RequireOthersUntouched();
        BeginRound();
    }

    private void BeginRound()
    {
        _place.Begin(hasOld: _rounds++ % 2 == 1);
        _old = _place.Content();
    }

    /// <summary>The program at work.</summary>
    private sealed class Started : IDisposable
    {
        private readonly KilledPlace _place;
        private readonly HashSet<string> _signs;
        private readonly ConcurrentQueue<string> _said = [];
        private readonly Stopwatch _clock = Stopwatch.StartNew();
        private readonly Process _process;

        public Started(KilledPlace place)
        {
            (_place, _signs) = (place, [.. place.Signs()]);
            _process = CliProcess.Start(
                Directory.GetCurrentDirectory(), place.Environment, _said.Enqueue, place.Arguments);
        }

        public TimeSpan Elapsed => _clock.Elapsed;

        public int ExitCode => _process.ExitCode;

        public string Talk => string.Join('\n', _said);

        public bool HasBegunToWrite => _place.Signs().Any(sign => !_signs.Contains(sign));

        public void WaitForWriting()
        {
            while (!HasBegunToWrite && !_process.HasExited && Elapsed < s_patience)
                Thread.Sleep(5);
        }

        public bool TrySend(Signal signal)
        {
            if (_process.HasExited)
                return false;
            if (OperatingSystem.IsWindows())
                _process.Kill();
            else
                CliProcess.Send(_process, signal);
            return true;
        }

        public void WaitForEnd()
        {
            Assert.True(_process.WaitForExit(s_patience), $"The program did not end. It said: {Talk}");
            _process.WaitForExit();
        }

        public void Dispose()
        {
            if (!_process.HasExited)
                _process.Kill();
            _process.Dispose();
        }
    }
}

/// <summary>What was sent, and what lay there afterwards.</summary>
internal sealed class KillCounts
{
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);

    public void Add(params string[] seen)
    {
        foreach (var one in seen)
            _counts.AddOrUpdate(one, 1, (_, count) => count + 1);
    }

    public override string ToString() =>
        string.Join(", ", _counts.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(
            pair => $"{pair.Key}: {pair.Value}"));
}
