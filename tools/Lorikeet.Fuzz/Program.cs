using System.Globalization;
using Lorikeet;
using Lorikeet.Fuzz;
using Lorikeet.Fuzz.Targets;
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
if (args is ["worker", var name, var seed, var first, var last, var seconds, var findings, var progress])
{
    return new Worker(Target.Find(name), int.Parse(seed), findings, progress)
        .Run(long.Parse(first), long.Parse(last), TimeSpan.FromSeconds(double.Parse(seconds)));
}

if (args is ["--replay", var replayed, var file])
{
    try
    {
        Target.Find(replayed).Run(File.ReadAllBytes(file), new Workplace());
        Console.WriteLine("It was read.");
    }
    catch (LorikeetException fault)
    {
        Console.WriteLine($"It was refused: {fault.Message}");
    }

    return 0;
}

var options = new CampaignOptions();
for (var i = 0; i + 1 < args.Length; i += 2)
{
    options = args[i] switch
    {
        "--seconds" => options with { Seconds = double.Parse(args[i + 1]) },
        "--executions" => options with { Executions = long.Parse(args[i + 1]) },
        "--targets" => options with { Targets = [.. args[i + 1].Split(',').Select(Target.Find)] },
        "--seed" => options with { Seed = int.Parse(args[i + 1]) },
        "--findings" => options with { Findings = args[i + 1] },
        var other => throw new ArgumentException(
            $"'{other}' is none of --seconds, --executions, --targets, --seed, --findings."),
    };
}

return new Campaign(options).Run();
