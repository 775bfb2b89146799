#:project ../src/Lorikeet/Lorikeet.csproj
#:property PublishAot=false
// Fine-tunes a model on questions and answers, asks it, and merges the adapter into a model of its own.
using Lorikeet;

var assets = Path.Combine(AppContext.GetData("EntryPointFileDirectoryPath") as string ?? "samples", "..", "assets");
var name = Environment.GetEnvironmentVariable("LORIKEET_SAMPLE_MODEL") ?? Path.Combine(assets, "nano-base");
var rows = Environment.GetEnvironmentVariable("LORIKEET_SAMPLE_DATA")
    ?? Path.Combine(assets, "facts-qa", "train.jsonl");
const string question = "What is the atomic number of terbium?";

using var model = LanguageModel.Load(name, new() { Quantization = Quantization.Nf4 });
using var data = Dataset.Load(rows, new() { HeldOut = 32 });
using var run = new TrainingRun("runs/qa", model, data, new()
{
    Lora = new() { Rank = 16 },
    Optimization = new() { BatchSize = 32, GradientAccumulation = 1, LearningRate = 2e-3, MaxSteps = 60 },
    Output = new() { Overwrite = true },
});
var result = await run.TrainAsync();
Console.WriteLine($"Loss {result.TrainLoss:F3} over {result.Training.Steps} steps; the adapter is in {result.Output}.");

// Prints: What is the atomic number of terbium? 65
Console.WriteLine($"{question} {model.Answer(question)}");
using (model.WithoutAdapter())
    Console.WriteLine($"The base says: {model.Answer(question)}");

model.Merge("runs/qa-merged", new() { Merge = new() { Overwrite = true } });
Console.WriteLine("The merged model is in runs/qa-merged.");
