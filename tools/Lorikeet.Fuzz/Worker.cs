using System.Diagnostics;
using Lorikeet.Fuzz.Targets;

namespace Lorikeet.Fuzz;

/// <summary>Tries inputs of one target in this process.</summary>
internal sealed class Worker(Target target, int seed, string findings, string progressFile)
{
    /// <summary>The exit code when one input took too long.</summary>
    public const int HangExitCode = 97;

    private const int MostFindings = 20;

    private readonly HashSet<string> _seen = [];

    public int Run(long first, long last, TimeSpan time)
    {
        using var progress = new Progress(progressFile);
        using var workplace = new Workplace();
        var watch = Stopwatch.StartNew();
        var number = first;
        var limit = new TimeLimit(used => End(Volatile.Read(ref number), used));
        for (; number < last && watch.Elapsed < time && _seen.Count < MostFindings; number++)
        {
            progress.Current = number;
            var input = target.Input(seed, number);
            limit.Begin();
            Try(input, workplace, number);
            limit.End();
        }

        progress.Current = number;
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
                Finding.Write(findings, target, seed, number, input, fault.ToString());
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

    private void End(long number, TimeSpan used)
    {
        Finding.Write(
            findings, target, seed, number, target.Input(seed, number),
            $"It took {used.TotalSeconds:0.0} seconds and more.");
        Environment.Exit(HangExitCode);
    }
}
