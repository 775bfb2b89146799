using System.Diagnostics;
using Lorikeet.Formats;
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

    public IReadOnlyList<Target> Targets { get; init; } = Target.All;

    public string Findings { get; init; } = Path.Combine("artifacts", "fuzz");
}

/// <summary>Runs every target in child processes, one after the other, and counts.</summary>
internal sealed class Campaign(CampaignOptions options)
{
    private const long Baseline = 96L << 20;
    private const int MostRestarts = 20;

    /// <summary>0 when nothing was found, 1 otherwise.</summary>
    public int Run()
    {
        Directory.CreateDirectory(options.Findings);
        var before = Directory.EnumerateFiles(options.Findings, "*.bin").ToHashSet();
        var total = 0L;
        foreach (var target in options.Targets)
        {
            var watch = Stopwatch.StartNew();
            var count = Run(target);
            total += count;
            Console.WriteLine(
                $"{target.Name,-20} {count,9:N0} inputs {count / watch.Elapsed.TotalSeconds,8:N0} a second");
        }

        var found = Directory.EnumerateFiles(options.Findings, "*.bin").Where(file => !before.Contains(file)).ToList();
        foreach (var file in found)
            Console.WriteLine($"{file}: {File.ReadLines(Path.ChangeExtension(file, ".txt")).FirstOrDefault()}");
        Console.WriteLine($"{total:N0} inputs of {options.Targets.Count} targets, {found.Count} findings.");
        return found.Count == 0 && total > 0 ? 0 : 1;
    }

    private long Run(Target target)
    {
        var share = options.Executions == long.MaxValue ? long.MaxValue : options.Executions / options.Targets.Count;
        var end = DateTime.UtcNow.AddSeconds(Math.Min(options.Seconds / options.Targets.Count, 1e9));
        var next = 0L;
        for (var restart = 0; restart < MostRestarts && next < share && DateTime.UtcNow < end; restart++)
        {
            using var progress = new Progress(Path.Combine(options.Findings, $".{target.Name}.progress"));
            var code = RunWorker(target, next, share, (end - DateTime.UtcNow).TotalSeconds, progress.Path);
            if (code == 0)
                return progress.Current;
            Keep(target, progress.Current, code);
            next = progress.Current + 1;
        }

        return next;
    }

    private int RunWorker(Target target, long first, long last, double seconds, string progress)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            ArgumentList =
            {
                "worker", target.Name, $"{options.Seed}", $"{first}", $"{last}", $"{seconds}", options.Findings,
                progress,
            },
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Insert(0, typeof(Campaign).Assembly.Location);
        var limit = ReadingLimits.Bytes(Mutation.Mutator.LargestInput) + Baseline;
        start.Environment["DOTNET_GCHeapHardLimit"] = $"0x{limit:x}";
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        output.Wait();
        return process.ExitCode;
    }

    private void Keep(Target target, long number, int code)
    {
        if (code == Worker.HangExitCode)
            return;
        var input = target.Input(options.Seed, number);
        Finding.Write(options.Findings, target, number, input, $"The process ended with the code {code}.");
    }
}

/// <summary>A finding: the input and what happened.</summary>
internal static class Finding
{
    public static void Write(string folder, Target target, long number, byte[] input, string what)
    {
        var path = Path.Combine(folder, $"{target.Name}-{number}");
        File.WriteAllText(path + ".txt", what);
        File.WriteAllBytes(path + ".bin", input);
    }
}
