#:project ../src/Lorikeet/Lorikeet.csproj
#:property PublishAot=false

// A model learns from its own tries: a function in C# says what an answer is worth, and answers better than the others
// to the same question become more likely.
//
//     dotnet run -c Release samples/rewards.cs
//
// Prints: A reward makes answers shorter: True

using Lorikeet;
using Lorikeet.Models.Rewards;
using Lorikeet.Training;

var assets = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "..", "assets");
using var model = LanguageModel.Load(Path.Combine(assets, "nano-base"));
using var data = Dataset.Load(Path.Combine(assets, "facts-qa", "train.jsonl"), new() { MaxTrainRows = 400 });

// Any number may be returned, more for better; NaN where there is nothing to say.
var brief = Reward.Of("brief", answer => 1 - answer.Ids.Count / 16.0);
var lengths = new List<double>();
using var run = new TrainingRun("runs/brief", model, data, new()
{
    Objective = new() { Method = TrainingMethod.Grpo },
    Rewards = new() { Generations = 8, MaxCompletionLength = 16 },
    Optimization = new() { BatchSize = 64, GradientAccumulation = 1, LearningRate = 2e-3, MaxSteps = 12 },
    Evaluation = new() { SampleCount = 0 },
    Output = new() { Overwrite = true },
})
{
    Rewards = [brief],
};
await run.TrainAsync(new Progress(lengths));

Console.WriteLine($"Tokens of an answer: {lengths[0]:0.0} in the first step, {lengths[^1]:0.0} in the last.");
Console.WriteLine($"A reward makes answers shorter: {lengths[^1] < lengths[0] - 1}");

/// <summary>Notes how long the answers of each step are.</summary>
internal sealed class Progress(List<double> lengths) : IProgress<TrainingEvent>
{
    public void Report(TrainingEvent value)
    {
        if (value is StepCompleted step)
            lengths.Add(step.Metrics.Further["completions/mean_length"]);
    }
}
