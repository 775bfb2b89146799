using Lorikeet.Data;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Quantization;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using Lorikeet.Training.Loop.HuggingFaceTrainer;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Training;

public sealed class HuggingFaceStateTests
{
    [Fact]
    public void NumbersThatJsonHasNot_AreNull()
    {
        using var model = ModelLoader.Load(
            TestAssets.Golden("models", "gqa"), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
        var task = new TrainingTask(
            model, [new TrainingRow([1, 2], [1, 2])], [], new TrainingOptions(), new RunFolder("run").Checkpoints, null,
            null);
        var state = new HuggingFaceState();
        state.Record(
            new EvaluationMetrics(1, 1, double.NaN, double.PositiveInfinity, Rows: 2, Targets: 2, Seconds: 0), 2);
        state.Record(new StepMetrics(10, 1, double.NaN, double.PositiveInfinity, 1e-3, 4, 1, 1), loggingSteps: 10);

        var json = state.ToJson(new TrainingPosition { Step = 1 }, task);

        Assert.Contains("\"eval_loss\": null", json);
        Assert.Contains("\"eval_samples_per_second\": null", json);
        Assert.Contains("\"loss\": null", json);
    }
}
