using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Quantization;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Training;

public class TrainerTests
{
    [Theory]
    [InlineData("all")]
    [InlineData("bias_lora_only")]
    [InlineData("modules_to_save")]
    [InlineData("dora")]
    [InlineData("pissa")]
    public void Trajectory_EqualsPeft(string name)
    {
        using var folder = new TemporaryFolder();
        var steps = JsonNode.Parse(File.ReadAllText(TestAssets.Golden("lora", name, "trajectory.json")))!;
        var rounded = name != "bias_lora_only";
        using var model = ModelLoader.Load(
            TestAssets.Golden("models", rounded ? "gqa_bf16" : "mqa_tied_bias"),
            new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None, RotaryInBFloat16: rounded));
        var adapter = Adapter.Load(model, TestAssets.Golden("lora", name, "initial")).Options;
        var options = new TrainingOptions
        {
            Data = new() { Shuffle = false },
            Optimization = new()
            {
                BatchSize = 2,
                GradientAccumulation = 2,
                MaxSteps = 24,
                LearningRate = 2e-3,
                WeightDecay = 1e-3,
                MaxGradNorm = 0.3,
                Scheduler = SchedulerKind.Cosine,
                WarmupSteps = 3,
            },
        };
        var recorded = new Recorder();
        var task = new TrainingTask(
            model, Rows(name), [], options, new RunFolder(folder.Path).Checkpoints, adapter, null);
        using (var trainer = new Trainer(task, recorded))
            trainer.Train(default);

        var log = steps["log"]!.AsArray();
        Assert.Equal(log.Count, recorded.Steps.Count);
        for (var i = 0; i < log.Count; i++)
        {
            Near(log[i]!["loss"]!.GetValue<double>(), recorded.Steps[i].Loss, 1e-5, $"loss {i}");
            Near(log[i]!["grad_norm"]!.GetValue<double>(), recorded.Steps[i].GradNorm, 1e-4, $"norm {i}");
            Near(log[i]!["lr"]!.GetValue<double>(), recorded.Steps[i].LearningRate, 1e-12, $"rate {i}");
        }

        using var final = SafetensorsFile.Open(TestAssets.Golden("lora", name, "final", "adapter_model.safetensors"));
        foreach (var parameter in model.Trainable)
        {
            using var expected = TensorAssert.Read(final, AdapterNames.InFile(parameter.Name));
            TensorAssert.Close(expected, parameter.Value, 1e-4, parameter.Name);
        }
    }

    private static void Near(double expected, double actual, double relative, string what) =>
        Assert.True(
            Math.Abs(expected - actual) <= relative * Math.Max(1e-12, Math.Abs(expected)),
            $"{what}: {actual}, expected {expected}");

    private static List<TrainingRow> Rows(string name)
    {
        using var source = SafetensorsFile.Open(TestAssets.Golden("lora", name, "batches.safetensors"));
        var length = (int)source.Tensors["input_ids"].Shape[2];
        return [.. TensorAssert.Ids(source, "input_ids").Chunk(length)
            .Zip(TensorAssert.Ids(source, "labels").Chunk(length), (ids, labels) => new TrainingRow(ids, labels))];
    }

    private sealed class Recorder : ITrainingObserver
    {
        public List<StepMetrics> Steps { get; } = [];

        public void Observe(TrainingEvent trainingEvent)
        {
            if (trainingEvent is StepCompleted step)
                Steps.Add(step.Metrics);
        }
    }
}
