using System.Runtime.InteropServices;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Training;

/// <summary>
/// Memory that does not suffice in the middle of a run. Here a pass says so after it has computed; on a GPU, CUDA says
/// so itself (<see cref="Optimized.CudaOutOfMemoryTests"/>).
/// </summary>
public sealed class SmallerPassesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(LossDenominator.Targets)]
    [InlineData(LossDenominator.Batches)]
    public void StepThatFindsTooLittleMemory_IsTakenInHalves_AndIsTheSameStep(LossDenominator denominator)
    {
        var (whole, wholeWeights, _, _) = Train(denominator, most: int.MaxValue);
        var (halved, halvedWeights, warnings, _) = Train(denominator, most: 2);
        Assert.Equal(whole.Count, halved.Count);
        foreach (var (expected, actual) in whole.Zip(halved))
        {
            Assert.Equal(expected.Loss, actual.Loss, 1e-6 * expected.Loss);
            Assert.Equal(expected.GradNorm, actual.GradNorm, 1e-5 * expected.GradNorm);
            Assert.Equal(expected.Tokens, actual.Tokens);
        }

        foreach (var (expected, actual) in wholeWeights.Zip(halvedWeights))
            Assert.Equal(expected, actual, 1e-6);
        Assert.Equal(
            ["Step 3 needed more memory than there is with 4 rows at once. It is taken again, and the run goes on, "
                + "with 2 rows at once; which rows a step has stays the same."],
            warnings);
        Assert.Contains("\"most_rows\": 2", Position());
    }

    [Fact]
    public void RunThatGoesOn_KnowsHowManyRowsFit()
    {
        var (_, expected, _, _) = Train(LossDenominator.Targets, most: 2);
        var (steps, resumed, warnings, _) = Train(LossDenominator.Targets, most: 2, resumes: true);
        Assert.Empty(warnings);
        Assert.Equal([5, 6], steps.Select(step => step.Step));
        Assert.Equal(expected, resumed);
    }

    [Fact]
    public void EvaluationThatFindsTooLittleMemory_IsTakenInHalves_AndHasTheSameLoss()
    {
        var whole = Train(LossDenominator.Targets, most: int.MaxValue);
        var halved = Train(LossDenominator.Targets, most: int.MaxValue, mostEvaluated: 1);
        Assert.NotEmpty(whole.Evaluations);
        foreach (var (expected, actual) in whole.Evaluations.Zip(halved.Evaluations))
            Assert.Equal(expected, actual, 1e-6 * expected);
        Assert.Equal(whole.Weights, halved.Weights);
        Assert.Equal(
            ["The evaluation at step 0 needed more memory than there is with 3 rows at once. It is taken again, and "
                + "the run goes on, with 2 rows at once; which rows a step has stays the same.",
                "The evaluation at step 0 needed more memory than there is with 2 rows at once. It is taken again, and "
                + "the run goes on, with 1 row at once; which rows a step has stays the same."],
            halved.Warnings);
    }

    [Fact]
    public void RowThatDoesNotFitAlone_IsSaid()
    {
        var fault = Assert.Throws<DeviceException>(() => Train(LossDenominator.Targets, most: 0));
        Assert.StartsWith(
            "Step 3, with 1 row at once, needed more memory than there is (CUDA out of memory. Tried to allocate 2.00 "
            + "GiB). Lower per_device_train_batch_size or max_length", fault.Message);
    }

    [Fact]
    public void AllocationThatLibtorchRefuses_IsRecognised()
    {
        var fault = Assert.ThrowsAny<Exception>(() => empty(1L << 60, ScalarType.Byte));
        Assert.True(FailedAllocation.Is(fault), fault.ToString());
        Assert.False(FailedAllocation.Is(Assert.ThrowsAny<Exception>(() => zeros(2, 3).view(7))));
    }

    private string Position() => File.ReadAllText(
        Directory.GetFiles(_folder.Path, "*.json", SearchOption.AllDirectories)
            .Where(file => File.ReadAllText(file).Contains("\"loss_steps\"")).Max(StringComparer.Ordinal)!);

    private Trained Train(
        LossDenominator denominator, int most, bool resumes = false, int mostEvaluated = int.MaxValue)
    {
        using var model = ModelLoader.Load(
            TestAssets.Golden("models", "gqa_bf16"),
            new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None, RotaryInBFloat16: true));
        var adapter = Adapter.Load(model, TestAssets.Golden("lora", "all", "initial")).Options;
        var options = new TrainingOptions
        {
            Optimization = new()
            {
                BatchSize = 4,
                GradientAccumulation = 2,
                MaxSteps = 6,
                LearningRate = 2e-3,
                LossDenominator = denominator,
            },
            Evaluation = new() { Strategy = IntervalStrategy.Steps, EvalSteps = 2 },
            Output = new() { SaveStrategy = IntervalStrategy.Steps, SaveSteps = 4 },
        };
        var recorded = new Recorder();
        var checkpoints = new RunFolder(_folder.Path).Checkpoints;
        var task = new TrainingTask(model, Rows(), Rows()[..3], options, checkpoints, adapter, null)
        {
            MakePass = passes => new TightPass(TrainingPasses.Create(model, passes), most, mostEvaluated),
        };
        using (var trainer = new Trainer(task, recorded))
        {
            if (resumes)
                trainer.Resume(checkpoints.ForStep(4));
            trainer.Train(default);
        }

        return new Trained(
            recorded.Steps, [.. model.Trainable.SelectMany(part => part.Value.data<float>())], recorded.Warnings,
            recorded.Evaluations);
    }

    private sealed record Trained(
        List<StepMetrics> Steps, float[] Weights, List<string> Warnings, List<double> Evaluations);

    private static TrainingRow[] Rows() =>
    [
        .. Enumerable.Range(0, 16).Select(row =>
        {
            int[] ids = [.. Enumerable.Range(0, 5 + row % 7).Select(place => 3 + (row * 31 + place * 7) % 40)];
            int[] labels = [.. ids.Select((id, place) => place < 2 ? TrainingRow.Ignored : id)];
            return new TrainingRow(ids, labels);
        }),
    ];

    private sealed class Recorder : ITrainingObserver
    {
        public List<StepMetrics> Steps { get; } = [];

        public List<string> Warnings { get; } = [];

        public List<double> Evaluations { get; } = [];

        public void Observe(TrainingEvent trainingEvent)
        {
            if (trainingEvent is StepCompleted step)
                Steps.Add(step.Metrics);
            if (trainingEvent is Warning warning)
                Warnings.Add(warning.Message);
            if (trainingEvent is EvaluationCompleted evaluation)
                Evaluations.Add(evaluation.Metrics.Loss);
        }
    }

    /// <summary>As TorchSharp throws it.</summary>
    private sealed class TorchFault(string message) : ExternalException(message);

    /// <summary>From the third step on has room for so many rows; finds out when the gradients are added.</summary>
    private sealed class TightPass(ITrainingPass pass, int most, int mostEvaluated) : ITrainingPass
    {
        public double Temperature
        {
            get => pass.Temperature;
            set => pass.Temperature = value;
        }

        public int RecomputedLayers => pass.RecomputedLayers;

        public double Run(Batch batch, double weight, PassKey key)
        {
            var loss = pass.Run(batch, weight, key);
            if (key.Step >= 2 && batch.SegmentCount > most)
                throw new TorchFault("CUDA out of memory. Tried to allocate 2.00 GiB.\nException raised");
            return loss;
        }

        public void Run(Batch batch, TokenObjective objective, PassKey key) => pass.Run(batch, objective, key);

        public float[] LogProbabilities(Batch batch, bool withoutAdapter) =>
            pass.LogProbabilities(batch, withoutAdapter);

        public double Evaluate(Batch batch) => batch.SegmentCount <= mostEvaluated ? pass.Evaluate(batch)
            : throw new TorchFault("CUDA error: out of memory");

        public void Dispose() => pass.Dispose();
    }
}
