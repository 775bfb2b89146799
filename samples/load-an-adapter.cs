#:project ../src/Lorikeet/Lorikeet.csproj
#:property PublishAot=false

// Loads an adapter that PEFT, or finetune-and-ask.cs before, wrote; evaluates base and adapter on the same questions;
// and answers as a stream.
//
//     dotnet run -c Release samples/load-an-adapter.cs [FOLDER]
//
// Prints: Adapters: default
// Prints: Exact match of the base: 0.0 %

using Lorikeet;

// The adapter names its base; adapter_config.json and adapter_model.safetensors are all that is needed.
using var model = LanguageModel.Load(args.Length > 0 ? args[0] : "runs/qa/adapter");
Console.WriteLine($"Adapters: {string.Join(", ", model.Adapters.Names)}");

var assets = Path.Combine((string)AppContext.GetData("EntryPointFileDirectoryPath")!, "..", "assets");
using var questions = Dataset.Load(Path.Combine(assets, "facts-qa", "eval.jsonl"), new() { HeldOut = 48 });
var tuned = model.Evaluate(questions);
Console.WriteLine(
    $"Exact match with the adapter: {100 * tuned.ExactMatch:F1} %, F1 {tuned.F1:F3}, loss {tuned.Loss:F3}");
using (model.WithoutAdapter())
{
    var untuned = model.Evaluate(questions);
    Console.WriteLine(
        $"Exact match of the base: {100 * untuned.ExactMatch:F1} %, F1 {untuned.F1:F3}, loss {untuned.Loss:F3}");
}

await foreach (var piece in model.AnswerStream("What is the atomic number of terbium?"))
    Console.Write(piece);
Console.WriteLine();
