using System.CommandLine;
using NanoBase.Facts;
using NanoBase.Generation;

namespace NanoBase;

/// <summary><c>questions</c>: writes <c>train.jsonl</c> and <c>eval.jsonl</c>.</summary>
internal static class QuestionsCommand
{
    public const ulong Seed = 2026;
    public const int EvaluationRows = 800;

    public static Command Create(Option<DirectoryInfo> facts)
    {
        var output = new Option<DirectoryInfo>("--output")
        {
            Description = "The folder to write",
            DefaultValueFactory = _ => new DirectoryInfo("assets/facts-qa"),
        };
        var command = new Command("questions", "Write the questions for fine-tuning and for evaluation") { output };
        command.SetAction(parsed =>
        {
            var library = FactLibrary.Load(parsed.GetRequiredValue(facts).FullName);
            var (training, evaluation) = Write(library);
            var folder = parsed.GetRequiredValue(output).FullName;
            TextLines.Write(Path.Combine(folder, "train.jsonl"), training);
            TextLines.Write(Path.Combine(folder, "eval.jsonl"), evaluation);
            Console.Error.WriteLine($"{training.Count} rows to train on, {evaluation.Count} to evaluate: {folder}");
        });
        return command;
    }

    /// <summary>The lines of both files, always the same for the same facts.</summary>
    public static (IReadOnlyList<string> Training, IReadOnlyList<string> Evaluation) Write(FactLibrary library)
    {
        var generator = new QuestionGenerator(library, Seed);
        var training = generator.WriteTraining().Select(row => row.ToJson()).ToList();
        var evaluation = generator.WriteEvaluation(EvaluationRows).Select(row => row.ToJson()).ToList();
        return (training, evaluation);
    }
}
