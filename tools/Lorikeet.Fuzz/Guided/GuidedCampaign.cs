using Lorikeet.Fuzz.Targets;

namespace Lorikeet.Fuzz.Guided;

/// <summary>Lets afl-fuzz look for inputs that take new ways, each target on one core for the same time.</summary>
internal sealed class GuidedCampaign(CampaignOptions options)
{
    private readonly string _place = Path.Combine(Path.GetFullPath(options.Findings), "guided");

    /// <summary>0 when nothing was found, 1 otherwise.</summary>
    public int Run()
    {
        var program = InstrumentedCopy.Make(Path.Combine(_place, "program"));
        var rounds = (options.Targets.Count + options.Jobs - 1) / options.Jobs;
        var (total, found, failed) = (0L, 0, 0);
        Parallel.ForEach(options.Targets, new() { MaxDegreeOfParallelism = options.Jobs }, target =>
        {
            var fuzz = new AflFuzz(program, target, Path.Combine(_place, target.Name));
            try
            {
                var result = fuzz.Run(options.Seconds / rounds);
                Interlocked.Add(ref total, result.Executions);
                Console.WriteLine(
                    $"{target.Name,-20} {result.Executions,9:N0} inputs, " +
                    $"corpus {result.Seeds,2} -> {result.Corpus,5:N0}, " +
                    $"branches {result.SeedEdges,6:N0} -> {result.Edges,6:N0}");
            }
            catch (InvalidOperationException fault)
            {
                Interlocked.Increment(ref failed);
                Console.WriteLine(fault.Message);
            }

            Interlocked.Add(ref found, Keep(target, fuzz));
        });
        Workplace.Sweep();
        Console.WriteLine($"{total:N0} guided inputs of {options.Targets.Count} targets, {found} findings.");
        return found == 0 && failed == 0 && total > 0 ? 0 : 1;
    }

    // The text is what the program without counters says of it.
    private int Keep(Target target, AflFuzz fuzz)
    {
        var count = 0;
        foreach (var crash in fuzz.Crashes)
        {
            var name = $"{target.Name}-guided-{count++}";
            var (code, output) = Child.RunSelf("--replay", target.Name, crash);
            Finding.Write(
                options.Findings, name, File.ReadAllBytes(crash), $"{output}\nThe code of the replay was {code}.");
            Console.WriteLine($"{Path.Combine(options.Findings, name)}.bin: {output.Split('\n')[0]}");
        }

        return count;
    }
}
