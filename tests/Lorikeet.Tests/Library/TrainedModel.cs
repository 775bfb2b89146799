using Lorikeet.Models.Native;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Library;

/// <summary>The embedded model and a few of the embedded rows, for short runs of the public API.</summary>
internal static class TrainedModel
{
    public const int Steps = 4;
    public const string Question = "What is the atomic number of terbium?";

    public static string Folder => Path.Combine(TestAssets.Root, "assets", "nano-base");

    public static string Rows => Path.Combine(TestAssets.Root, "assets", "facts-qa", "train.jsonl");

    public static LanguageModel Load() =>
        LanguageModel.Load(Folder, new() { Device = "cpu", ComputeType = ComputeType.Float32 });

    public static Dataset Data() => Dataset.Load(Rows, new() { MaxTrainRows = 64, MaxLength = 64 });

    /// <summary>Few steps that move the answers.</summary>
    public static TrainingOptions Options(int steps = Steps) => new()
    {
        Lora = new() { Rank = 4 },
        Optimization = new() { BatchSize = 4, GradientAccumulation = 1, LearningRate = 5e-3, MaxSteps = steps },
        Evaluation = new() { SampleCount = 2, SampleMaxNewTokens = 8 },
        Output = new() { SaveSteps = 2, ReportTo = [] },
    };

    public static string Answer(LanguageModel model) => model.Answer(Question, new() { MaxNewTokens = 8 });
}
