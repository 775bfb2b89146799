using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Training;

/// <summary>What must hold whatever the batch shape, the order of work, or an interruption.</summary>
public sealed class TrainingGuaranteesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void AccumulatingMicroBatches_EqualsOneBatch(int microBatches)
    {
        var rows = Rows(8);
        var whole = GradientsOf([Batch.FromRows(rows)]);
        var parts = GradientsOf([.. rows.Chunk(rows.Length / microBatches).Select(chunk => Batch.FromRows(chunk))]);
        AssertClose(whole, parts, 1e-6);
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(4, 2)]
    public void RunThatAccumulates_TakesTheStepsOfOneThatDoesNot(int batchSize, int accumulation)
    {
        var options = Options();
        TrainingOptions Of(int size, int count) => options with
        {
            Optimization = options.Optimization with { BatchSize = size, GradientAccumulation = count, MaxSteps = 6 },
        };
        var whole = Train("whole", Of(8, 1));
        var parts = Train("parts", Of(batchSize, accumulation));
        foreach (var (one, several) in whole.Steps.Zip(parts.Steps, (one, several) => (one, several)))
        {
            Assert.Equal(one.Loss, several.Loss, 1e-6 * one.Loss);
            Assert.Equal(one.GradNorm, several.GradNorm, 1e-5 * one.GradNorm);
        }
    }

    [Fact]
    public void PackedSequences_GiveTheLossAndGradientsOfRowsByThemselves()
    {
        var rows = Rows(9);
        var alone = GradientsOf([.. rows.Select(row => Batch.FromRows([row]))]);
        var packed = GradientsOf([.. SequencePacking.Pack([.. rows.Select(row => row.Length)], capacity: 64)
            .Select(sequence => Batch.FromRows([.. sequence.Select(row => rows[row])]))]);
        AssertClose(alone, packed, 1e-5);
    }

    [Fact]
    public void PackedRun_HasTheLossOfAnUnpackedOne()
    {
        // One step over all rows, whether one lies in a sequence or several.
        var options = Options() with
        {
            Optimization = Options().Optimization with { BatchSize = 14, GradientAccumulation = 1, MaxSteps = 1 },
        };
        var unpacked = Train("unpacked", options);
        var packed = Train("packed", options with { Data = new() { Packing = true, MaxLength = 64 } });
        Assert.Equal(unpacked.Steps[0].Loss, packed.Steps[0].Loss, 1e-5);
        Assert.Equal(unpacked.Steps[0].GradNorm, packed.Steps[0].GradNorm, 1e-5);
    }

    [Fact]
    public void RecomputedLayers_RepeatTheirDropoutMasks()
    {
        var batches = new[] { Batch.FromRows(Rows(4)) };
        var kept = GradientsOf(batches, dropout: 0.3);
        var recomputed = GradientsOf(batches, dropout: 0.3, checkpointing: true);
        var without = GradientsOf(batches);
        AssertClose(kept, recomputed, 1e-6);
        Assert.NotEqual(without.Loss, kept.Loss, 1e-3);
    }

    [Theory]
    [InlineData(OptimizerKind.AdamW, false)]
    [InlineData(OptimizerKind.PagedAdamW8Bit, true)]
    public void RunInterruptedInAnEpoch_EndsBitForBitAsOneThatWasNot(OptimizerKind optimizer, bool packing)
    {
        var options = Options() with
        {
            Data = new() { Packing = packing, MaxLength = 48, GroupByLength = !packing },
            Lora = new() { Dropout = 0.1 },
        };
        options = options with
        {
            Optimization = options.Optimization with
            {
                Optimizer = optimizer,
                NeftuneAlpha = 5,
                Checkpointing = packing ? Checkpointing.Full : Checkpointing.None,
            },
        };
        var whole = Train("whole", options);
        var stopped = Train("parts", options, stopAt: 5);
        var rest = Train("parts", options, resume: true);

        Assert.Equal(StopReason.Interrupted, stopped.Result.Reason);
        Assert.Equal(5, stopped.Steps.Count);
        Assert.Equal(whole.Adapter, rest.Adapter);
        Assert.Equal(
            whole.Steps.Select(Timeless),
            stopped.Steps.Concat(rest.Steps).Select(Timeless));
    }

    private static StepMetrics Timeless(StepMetrics step) => step with { TokensPerSecond = 0, PeakMemoryBytes = 0 };

    private static TrainingOptions Options() => new()
    {
        Optimization = new() { BatchSize = 2, GradientAccumulation = 2, MaxSteps = 11, LearningRate = 5e-3 },
    };

    private Outcome Train(string name, TrainingOptions options, int? stopAt = null, bool resume = false)
    {
        using var model = Load();
        Adapter.Create(model, options.Lora, seed: 7);
        var run = new RunFolder(_folder[name]);
        using var stop = new CancellationTokenSource();
        var recorder = new Recorder(stop, stopAt);
        using var trainer = new Trainer(
            new TrainingTask(model, Rows(14), [], options, run.Checkpoints, options.Lora, null), recorder);
        if (resume)
            trainer.Resume(run.Checkpoints.Latest()!.Folder);
        var result = trainer.Train(stop.Token);
        TrainedParameters.Save(model, _folder[name + ".safetensors"]);
        return new Outcome(recorder.Steps, result, Convert.ToHexString(
            System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(_folder[name + ".safetensors"]))));
    }

    private static StepGradients GradientsOf(
        IReadOnlyList<Batch> batches, double dropout = 0, bool checkpointing = false)
    {
        using var model = Load();
        Adapter.Create(
            model,
            new LoraOptions
            {
                Dropout = dropout,
                InitLoraWeights = LoraInitialisation.Random,
                ModulesToSave = ["lm_head"],
            },
            seed: 3);
        var targets = batches.Sum(batch => batch.TargetCount);
        using var gradients = new Gradients(model.Trainable);
        using var pass = new TrainingPass(model, checkpointing);
        var loss = batches.Select((batch, index) => pass.Run(batch, 1.0 / targets, new PassKey(1, 2, index)))
            .Sum() / targets;
        return new StepGradients(loss, model.Trainable.ToDictionary(
            parameter => parameter.Name,
            parameter => parameter.Value.grad!.flatten().data<float>().ToArray()));
    }

    private static void AssertClose(StepGradients expected, StepGradients actual, double tolerance)
    {
        Assert.Equal(expected.Loss, actual.Loss, tolerance);
        foreach (var (name, values) in expected.Values)
        {
            var largest = values.Zip(actual.Values[name], (a, b) => Math.Abs(a - b)).Max();
            Assert.True(largest <= tolerance, $"{name}: {largest:G3}, allowed {tolerance:G3}");
        }
    }

    /// <summary>Rows of different lengths, some of whose tokens are not learned.</summary>
    private static TrainingRow[] Rows(int count)
    {
        var random = new Random(11);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var ids = Enumerable.Range(0, random.Next(6, 40)).Select(_ => random.Next(3, 320)).ToArray();
            var learned = random.Next(1, ids.Length - 2);
            return new TrainingRow(ids, [.. ids.Select((id, i) => i < learned ? TrainingRow.Ignored : id)]);
        })];
    }

    private static DecoderModel Load() => ModelLoader.Load(
        TestAssets.Golden("models", "gqa"), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));

    private sealed record StepGradients(double Loss, IReadOnlyDictionary<string, float[]> Values);

    private sealed record Outcome(IReadOnlyList<StepMetrics> Steps, TrainingResult Result, string Adapter);

    private sealed class Recorder(CancellationTokenSource stop, int? stopAt) : ITrainingObserver
    {
        public List<StepMetrics> Steps { get; } = [];

        public void Observe(TrainingEvent trainingEvent)
        {
            if (trainingEvent is not StepCompleted step)
                return;
            Steps.Add(step.Metrics);
            if (step.Metrics.Step == stopAt)
                stop.Cancel();
        }
    }
}
