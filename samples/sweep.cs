#:project ../src/Lorikeet/Lorikeet.csproj
#:property PublishAot=false

// Trains three adapters at once on one base, each with a rank and a rate of its own, compares them, and asks the best.
//
// Prints: 3 runs, together: True
// Prints: The best is

using Lorikeet;
using Lorikeet.Training;

const string question = "What is the atomic number of terbium?";
var assets = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "..", "assets");
using var model = LanguageModel.Load(Path.Combine(assets, "nano-base"));
using var data = Dataset.Load(Path.Combine(assets, "facts-qa", "train.jsonl"), new() { HeldOut = 32 });

using var sweep = new Sweep("runs/sweep", model,
[
    ("r4", data, Options(rank: 4, rate: 2e-3)),
    ("r16", data, Options(rank: 16, rate: 2e-3)),
    ("r16-slow", data, Options(rank: 16, rate: 2e-4)),
]);
var result = sweep.Train();

Console.WriteLine($"{result.Runs.Count} runs, together: {result.IsTogether}");
Console.WriteLine(string.Join(" | ", SweepTable.Heads(result)));
foreach (var row in SweepTable.Rows(result))
    Console.WriteLine(string.Join(" | ", row));
Console.WriteLine($"The best is {result.Best!.Name}; its adapter is in {result.Output}.");
model.Adapters.Activate(result.Best.Name);
Console.WriteLine($"{question} {model.Answer(question)}");

static TrainingOptions Options(int rank, double rate) => new()
{
    Lora = new() { Rank = rank },
    Optimization = new() { BatchSize = 16, GradientAccumulation = 1, LearningRate = rate, MaxSteps = 40 },
    Evaluation = new() { MetricForBestModel = BestMetric.ExactMatch, Questions = 32, SampleCount = 0 },
    Output = new() { Overwrite = true },
};
