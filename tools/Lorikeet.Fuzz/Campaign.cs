using System.Collections.Concurrent;
using System.Diagnostics;
using Lorikeet.Fuzz.Targets;

namespace Lorikeet.Fuzz;

/// <summary>What to try, and how long.</summary>
internal sealed record CampaignOptions
{
    /// <summary>Inputs over all targets.</summary>
    public long Executions { get; init; } = long.MaxValue;

    /// <summary>Time over all targets.</summary>
    public double Seconds { get; init; } = double.PositiveInfinity;

    public int Seed { get; init; } = 1;

    /// <summary>Processes at a time.</summary>
    public int Jobs { get; init; } = 1;

    public IReadOnlyList<Target> Targets { get; init; } = Target.All;

    public string Findings { get; init; } = Path.Combine("artifacts", "fuzz");
}

/// <summary>
/// Runs every target in child processes and counts. Each job goes through all targets, one after the other, with a seed
/// of its own; each begins at another target.
/// </summary>
internal sealed class Campaign(CampaignOptions options)
{
    private const int MostRestarts = 20;

    private readonly ConcurrentDictionary<string, (long Count, TimeSpan Time)> _counts = new();

    /// <summary>0 when nothing was found, 1 otherwise.</summary>
    public int Run()
    {
        Directory.CreateDirectory(options.Findings);
        var before = Directory.EnumerateFiles(options.Findings, "*.bin").ToHashSet();
        var jobs = Enumerable.Range(0, options.Jobs)
            .Select(job => Task.Factory.StartNew(() => RunJob(job), TaskCreationOptions.LongRunning)).ToArray();
        Task.WaitAll(jobs);
        Workplace.Sweep();
        if (options.Jobs > 1)
            foreach (var target in options.Targets)
                Say(target, _counts[target.Name].Count, _counts[target.Name].Time);
        var found = Directory.EnumerateFiles(options.Findings, "*.bin").Where(file => !before.Contains(file)).ToList();
        foreach (var file in found)
            Console.WriteLine($"{file}: {File.ReadLines(Path.ChangeExtension(file, ".txt")).FirstOrDefault()}");
        var total = _counts.Values.Sum(count => count.Count);
        Console.WriteLine($"{total:N0} inputs of {options.Targets.Count} targets, {found.Count} findings.");
        return found.Count == 0 && total > 0 ? 0 : 1;
    }

    private void RunJob(int job)
    {
        for (var i = 0; i < options.Targets.Count; i++)
        {
            var target = options.Targets[(i + job * options.Targets.Count / options.Jobs) % options.Targets.Count];
            var watch = Stopwatch.StartNew();
            var count = Run(target, options.Seed + job);
            _counts.AddOrUpdate(
                target.Name, (count, watch.Elapsed),
                (_, others) => (others.Count + count, others.Time + watch.Elapsed));
            if (options.Jobs == 1)
                Say(target, count, watch.Elapsed);
        }
    }

    private static void Say(Target target, long count, TimeSpan time) =>
        Console.WriteLine($"{target.Name,-20} {count,9:N0} inputs {count / time.TotalSeconds,8:N0} a second");

    private long Run(Target target, int seed)
    {
        var share = options.Executions == long.MaxValue
            ? long.MaxValue
            : options.Executions / options.Targets.Count / options.Jobs;
        var end = DateTime.UtcNow.AddSeconds(Math.Min(options.Seconds / options.Targets.Count, 1e9));
        var next = 0L;
        for (var restart = 0; restart < MostRestarts && next < share && DateTime.UtcNow < end; restart++)
        {
            using var progress = new Progress(Path.Combine(options.Findings, $".{target.Name}-{seed}.progress"));
            var (code, _) = Child.RunSelf(
                "worker", target.Name, $"{seed}", $"{next}", $"{share}", $"{(end - DateTime.UtcNow).TotalSeconds}",
                options.Findings, progress.Path);
            if (code == 0)
                return progress.Current;
            if (code != Worker.HangExitCode)
                Finding.Write(
                    options.Findings, target, seed, progress.Current, target.Input(seed, progress.Current),
                    $"The process ended with the code {code}.");
            next = progress.Current + 1;
        }

        return next;
    }
}
