#:project ../src/Lorikeet/Lorikeet.csproj
#:property PublishAot=false

// Adds an adapter to its base and writes the sum twice: as a Hugging Face folder, and as GGUF for llama.cpp and Ollama.
// Both are read back and compared with the unmerged model before they are kept.
//
//     dotnet run -c Release samples/finetune-and-ask.cs && dotnet run -c Release samples/merge-and-export.cs
//
// Prints: Merged: True
// Prints: Exported: True

using Lorikeet;
using Lorikeet.Models.Conversion;

var merged = new MergeJob(new()
{
    Merge = new() { Adapter = "runs/qa/adapter", Output = "runs/qa-merged", Overwrite = true },
}).Run(Console.WriteLine);
Console.WriteLine($"Merged: {merged.Passed}, logits differ by {merged.MaxDifference:G2} at most");

var exported = new ExportJob(new()
{
    Adapter = "runs/qa/adapter", Output = "runs/qa.gguf", OutType = GgufOutType.Q8_0, Overwrite = true,
}).Run(Console.WriteLine);
Console.WriteLine($"Exported: {exported.Passed}, {exported.Bytes / 1e6:F1} MB");

// A GGUF file is a model like any other.
using var model = LanguageModel.Load("runs/qa.gguf");
Console.WriteLine(model.Answer("What is the atomic number of terbium?"));
