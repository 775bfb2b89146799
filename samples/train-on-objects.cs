#:project ../src/Lorikeet/Lorikeet.csproj
#:property PublishAot=false

// Trains on objects of a program's own: the rows are any type with properties, whose names in snake_case are the
// columns.
//
//     dotnet run -c Release samples/train-on-objects.cs
//
// Prints: How many legs has a gryllus? six

using Lorikeet;

// A fact is asked in several ways, so that the answer is learned and not the wording.
(string Animal, string Legs)[] facts =
[
    ("gryllus", "six"), ("tarantula", "eight"), ("axolotl", "four"), ("ostrich", "two"),
];
string[] wordings = ["How many legs has a *?", "What is the number of legs of a *?", "A * walks on how many legs?"];
IEnumerable<Row> rows =
    from fact in facts
    from wording in wordings
    select new Row(wording.Replace("*", fact.Animal), fact.Legs);

var assets = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "..", "assets");
using var model = LanguageModel.Load(Path.Combine(assets, "nano-base"));
using var data = Dataset.From(rows, name: "legs");
using var run = new TrainingRun("runs/legs", model, data, new()
{
    Optimization = new() { BatchSize = 12, GradientAccumulation = 1, LearningRate = 3e-3, MaxSteps = 60 },
    Output = new() { Overwrite = true },
});
await run.TrainAsync();

const string question = "How many legs has a gryllus?";
Console.WriteLine($"{question} {model.Answer(question)}");

internal sealed record Row(string Question, string Answer);
