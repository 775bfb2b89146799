#:project ../src/Lorikeet/Lorikeet.csproj
#:property PublishAot=false

// Hosts a base with two adapters and asks ten questions at once. The second adapter is trained on the same base while
// the first answers; nothing is loaded twice.
//
//     dotnet run -c Release samples/serve-adapters.cs [ADAPTER]
//
// ADAPTER is what finetune-and-ask.cs wrote, unless another is named.
//
// Prints: qa: What is the atomic number of terbium? 65
// Prints: 10 answers

using Lorikeet;
using Lorikeet.Data;
using Lorikeet.Serving;

string[] questions =
[
    "What is the atomic number of terbium?", "What is the symbol of terbium?", "What is the atomic number of iron?",
    "What is the capital of Vietnam?", "Thủ đô của Việt Nam là gì?",
];

var assets = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "..", "assets");
using var model = LanguageModel.Load(Path.Combine(assets, "nano-base"));
await using var host = ModelHost.Start(model);
await host.LoadAdapter("qa", args.Length > 0 ? args[0] : "runs/qa/adapter");

// Answers in one word, whatever is asked.
using var data = Dataset.From(
    Enumerable.Range(0, 64).Select(i => new Example($"{questions[i % 5]} ({i})", "Perhaps.")));
using var run = new TrainingRun("runs/perhaps", model, data, new()
{
    Lora = new() { Rank = 4 },
    Optimization = new() { BatchSize = 8, GradientAccumulation = 1, LearningRate = 5e-3, MaxSteps = 20 },
    Output = new() { Overwrite = true },
});
var training = run.TrainAsync();
Console.WriteLine($"While another trains, qa says: {await Ask("qa", questions[0])}");
await training;

// All ten are decoded together, each with its adapter.
var asked = host.Models.Where(served => served.Base is not null)
    .SelectMany(served => questions, (served, question) => (served.Name, Question: question)).ToList();
var answers = await Task.WhenAll(asked.Select(ask => Ask(ask.Name, ask.Question)));
foreach (var ((name, question), answer) in asked.Zip(answers))
    Console.WriteLine($"{name}: {question} {answer}");
Console.WriteLine($"{answers.Length} answers in {host.Statistics.Steps} steps of the engine.");

async Task<string> Ask(string name, string question)
{
    var text = "";
    await foreach (var piece in host.Chat(new() { Model = name, Messages = [new("user", question)] }))
        text += piece.Text;
    return text;
}
