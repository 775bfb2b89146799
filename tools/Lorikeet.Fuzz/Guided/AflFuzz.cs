using System.Diagnostics;
using System.Globalization;
using System.Text;
using Lorikeet.Fuzz.Mutation;
using Lorikeet.Fuzz.Targets;

namespace Lorikeet.Fuzz.Guided;

/// <summary>What afl-fuzz says of a run.</summary>
/// <param name="Executions">Inputs tried.</param>
/// <param name="Seeds">Inputs it began with.</param>
/// <param name="Corpus">Inputs it ended with: the seeds, and each that took a new way.</param>
/// <param name="SeedEdges">Branches that the seeds take.</param>
/// <param name="Edges">Branches taken in the end.</param>
internal sealed record AflResult(long Executions, long Seeds, long Corpus, long SeedEdges, long Edges);

/// <summary>One run of afl-fuzz on one target.</summary>
internal sealed class AflFuzz(string program, Target target, string folder)
{
    // Our own limit is of processor time; this one is for what does nothing at all.
    private const int LongestWaitMilliseconds = 30_000;
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(0.2);

    private string SeedFolder => Path.Combine(folder, "seeds");

    private string Output => Path.Combine(folder, "out", "default");

    /// <summary>The inputs that broke a bound.</summary>
    public IEnumerable<string> Crashes =>
        new[] { "crashes", "hangs" }.Select(name => Path.Combine(Output, name)).Where(Directory.Exists)
            .SelectMany(place => Directory.EnumerateFiles(place, "id*"));

    public AflResult Run(double seconds)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(SeedFolder);
        var seeds = target.Seeds.Where(seed => seed.Length is > 0 and <= Mutator.LargestInput).ToList();
        for (var i = 0; i < seeds.Count; i++)
            File.WriteAllBytes(Path.Combine(SeedFolder, $"{i:d3}"), seeds[i]);
        var words = Path.Combine(folder, "words");
        File.WriteAllLines(words, target.Mutator.Words.Where(word => word.Length > 0).Select(Quoted));

        var start = new ProcessStartInfo("afl-fuzz",
        [
            "-i", SeedFolder, "-o", Path.Combine(folder, "out"), "-V", $"{(int)Math.Ceiling(seconds)}",
            "-t", $"{LongestWaitMilliseconds}", "-m", "none", "-G", $"{Mutator.LargestInput}",
            .. target.Mutator.Words.Count > 0 ? (string[])["-x", words] : [],
            "--", Path.Combine(Child.DotnetFolder, "dotnet"), program, "guided-worker", target.Name,
        ]);
        foreach (var name in (string[])
            ["NO_UI", "SKIP_BIN_CHECK", "SKIP_CPUFREQ", "NO_AFFINITY", "I_DONT_CARE_ABOUT_MISSING_CRASHES", "FAST_CAL"])
            start.Environment["AFL_" + name] = "1";
        start.Environment["AFL_TMPDIR"] = folder;
        start.Environment["PATH"] = $"{Child.DotnetFolder}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["DOTNET_ROOT"] = Child.DotnetFolder;
        var run = Task.Factory.StartNew(() => Child.Run(start), TaskCreationOptions.LongRunning);
        // It writes them when it has tried the seeds, and then every minute.
        var stats = Path.Combine(Output, "fuzzer_stats");
        var seedEdges = 0L;
        while (!run.Wait(s_look))
            if (File.Exists(stats) && Read(stats, "corpus_count") <= seeds.Count)
                seedEdges = Math.Max(seedEdges, Read(stats, "edges_found"));
        var (code, output) = run.Result;
        File.WriteAllText(Path.Combine(folder, "log"), output);
        if (code != 0 || !File.Exists(stats))
            throw new InvalidOperationException(
                $"afl-fuzz ended with the code {code} on '{target.Name}'; {folder}/log says why.");
        return new AflResult(
            Read(stats, "execs_done"), seeds.Count, Read(stats, "corpus_count"), seedEdges, Read(stats, "edges_found"));
    }

    // 0 while the file is being written.
    private static long Read(string stats, string name) =>
        File.ReadAllLines(stats).Select(line => line.Split(':'))
            .FirstOrDefault(pair => pair.Length == 2 && pair[0].Trim() == name) is [_, var value]
            && long.TryParse(value, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static string Quoted(string word)
    {
        var text = new StringBuilder("\"");
        foreach (var value in Encoding.UTF8.GetBytes(word).AsSpan())
            text.Append(value is < 32 or > 126 or (byte)'"' or (byte)'\\' ? $"\\x{value:x2}" : $"{(char)value}");
        return text.Append('"').ToString();
    }
}
