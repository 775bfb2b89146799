using System.Globalization;
using Lorikeet;
using Lorikeet.Fuzz;
using Lorikeet.Fuzz.Guided;
using Lorikeet.Fuzz.Targets;
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
if (args is ["worker", var name, var seed, var first, var last, var seconds, var findings, var progress])
{
    return new Worker(Target.Find(name), int.Parse(seed), findings, progress)
        .Run(long.Parse(first), long.Parse(last), TimeSpan.FromSeconds(double.Parse(seconds)));
}

if (args is ["guided-worker", var guided])
{
    new GuidedWorker(guided).Run();
    return 0;
}

if (args is ["--replay", var replayed, var file])
{
    try
    {
        using var workplace = new Workplace();
        var limit = new TimeLimit(used =>
        {
            Console.WriteLine($"It took {used.TotalSeconds:0.0} seconds and more.");
            Environment.Exit(Worker.HangExitCode);
        });
        limit.Begin();
        Target.Find(replayed).Run(File.ReadAllBytes(file), workplace);
        Console.WriteLine("It was read.");
    }
    catch (LorikeetException fault)
    {
        Console.WriteLine($"It was refused: {fault.Message}");
    }

    return 0;
}

var options = new CampaignOptions();
var isGuided = args is ["guided", ..];
for (var i = isGuided ? 1 : 0; i + 1 < args.Length; i += 2)
{
    options = args[i] switch
    {
        "--seconds" => options with { Seconds = double.Parse(args[i + 1]) },
        "--executions" => options with { Executions = long.Parse(args[i + 1]) },
        "--targets" => options with { Targets = [.. args[i + 1].Split(',').Select(Target.Find)] },
        "--jobs" => options with { Jobs = int.Parse(args[i + 1]) },
        "--seed" => options with { Seed = int.Parse(args[i + 1]) },
        "--findings" => options with { Findings = args[i + 1] },
        var other => throw new ArgumentException(
            $"'{other}' is none of --seconds, --executions, --targets, --jobs, --seed, --findings."),
    };
}

return isGuided ? new GuidedCampaign(options).Run() : new Campaign(options).Run();
