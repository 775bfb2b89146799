#:project ../src/Lorikeet/Lorikeet.csproj
#:property PublishAot=false
// Teaches a model what to answer, then how: of two right answers, that with a full stop is preferred (DPO).
using System.Text.Json;
using Lorikeet;
using Lorikeet.Training;

var assets = Path.Combine(AppContext.GetData("EntryPointFileDirectoryPath") as string ?? "samples", "..", "assets");
var rows = Path.Combine(assets, "facts-qa", "train.jsonl");
const string question = "What is the atomic number of terbium?";

// 1. Answers, and a model that has them in its weights: it is what DPO compares with.
using (var model = LanguageModel.Load(Path.Combine(assets, "nano-base")))
using (var data = Dataset.Load(rows))
using (var run = new TrainingRun("runs/answers", model, data, new()
{
    Optimization = new() { BatchSize = 32, GradientAccumulation = 1, LearningRate = 2e-3, MaxSteps = 60 },
    Evaluation = new() { SampleCount = 0 },
    Output = new() { Overwrite = true },
}))
{
    await run.TrainAsync();
    model.Merge("runs/answers-merged", new() { Merge = new() { Overwrite = true } });
}

// 2. Pairs of answers. Any rows with prompt, chosen and rejected will do; conversations too.
var pairs = File.ReadLines(rows).Take(1024).Select(line =>
{
    var parts = JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()!
        .Replace("### Human: ", "").Split(" ### Assistant: ");
    return new { prompt = parts[0], chosen = parts[1] + ".", rejected = parts[1] };
}).ToList();

using var answering = LanguageModel.Load("runs/answers-merged");
Console.WriteLine($"Before: {answering.Answer(question)}");
using var preferences = Dataset.From(pairs, new() { HeldOut = 64 });
using var preferring = new TrainingRun("runs/preferences", answering, preferences, new()
{
    // Beside the preference the chosen answers are learned, so that what follows the full stop is learned too: the end.
    Objective = new() { Method = TrainingMethod.Dpo, LossTypes = [LossType.Sigmoid, LossType.Sft], Beta = 0.5 },
    Optimization = new() { BatchSize = 16, GradientAccumulation = 1, LearningRate = 3e-4, MaxSteps = 60 },
    Evaluation = new() { SampleCount = 0 },
    Output = new() { Overwrite = true },
});
var result = await preferring.TrainAsync();

// The answer is the same, and ends with a full stop.
Console.WriteLine($"After: {answering.Answer(question)}");

// Prints: The chosen answer is preferred in at least 95 % of held-out pairs: True
var accuracy = result.Scores.Single(score => score.Name == "Preference accuracy").Tuned;
Console.WriteLine($"The chosen answer is preferred in at least 95 % of held-out pairs: {accuracy >= 0.95}");
