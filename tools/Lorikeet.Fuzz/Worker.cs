using System.Diagnostics;
using Lorikeet.Fuzz.Targets;

namespace Lorikeet.Fuzz;

/// <summary>Tries inputs of one target in this process.</summary>
internal sealed class Worker(Target target, int seed, string findings, string progressFile)
{
    /// <summary>The exit code when one input took too long.</summary>
    public const int HangExitCode = 97;

    private const int MostFindings = 20;
    private static readonly TimeSpan LongestTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);

    private readonly HashSet<string> _seen = [];
    private long _current = -1;

    public int Run(long first, long last, TimeSpan time)
    {
        using var progress = new Progress(progressFile);
        var workplace = new Workplace();
        var watch = Stopwatch.StartNew();
        new Thread(Watch) { IsBackground = true }.Start();
        var number = first;
        for (; number < last && watch.Elapsed < time && _seen.Count < MostFindings; number++)
        {
            progress.Current = number;
            var input = target.Input(seed, number);
            Volatile.Write(ref _current, number);
            Try(input, workplace, number);
            Volatile.Write(ref _current, -1);
        }

        progress.Current = number;
        workplace.Dispose();
        return 0;
    }

    private void Try(byte[] input, Workplace workplace, long number)
    {
        try
        {
            target.Run(input, workplace);
        }
        catch (LorikeetException)
        {
            // The answer that is asked for.
        }
        catch (Exception fault)
        {
            if (_seen.Add(PlaceOf(fault)))
                Finding.Write(findings, target, number, input, fault.ToString());
        }
    }

    // The kind and the innermost place of our own tell one fault from another.
    private static string PlaceOf(Exception fault)
    {
        var frame = new StackTrace(fault).GetFrames().Select(frame => frame.GetMethod())
            .FirstOrDefault(
            method => method?.DeclaringType?.Namespace?.StartsWith("Lorikeet", StringComparison.Ordinal) == true);
        return $"{fault.GetType().Name} {frame?.DeclaringType}.{frame?.Name}";
    }

    private void Watch()
    {
        var (number, begun, waited) = (-1L, TimeSpan.Zero, Stopwatch.StartNew());
        while (true)
        {
            Thread.Sleep(100);
            var current = Volatile.Read(ref _current);
            var used = Process.GetCurrentProcess().TotalProcessorTime;
            if (current != number || current < 0)
                (number, begun, waited) = (current, used, Stopwatch.StartNew());
            else if (used - begun > LongestTime || waited.Elapsed > LongestWait)
                End(number, used - begun);
        }
    }

    private void End(long number, TimeSpan used)
    {
        Finding.Write(
            findings, target, number, target.Input(seed, number), $"It took {used.TotalSeconds:0.0} seconds and more.");
        Environment.Exit(HangExitCode);
    }
}
