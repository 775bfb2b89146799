using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Distributed;

/// <summary>However ranks divide what is trained, the steps are those of one process.</summary>
public sealed class ParameterUpdateTests
{
    private const int Steps = 3, MicroBatches = 6;

    private static readonly OptimizationOptions s_options =
        new() { Seed = 5, MaxGradNorm = 0.5, LearningRate = 1e-3, WeightDecay = 0.1 };

    [Theory]
    [InlineData(2, 0, false)]
    [InlineData(3, 0, false)]
    [InlineData(3, 0, true)]
    [InlineData(2, 1, true)]
    [InlineData(4, 1, false)]
    [InlineData(4, 2, false)] // six micro-batches: two ranks pass once more for the others' sake
    public void AnyNumberOfRanks_MovesAllWeightsAsOneProcess(int ranks, int zeroStage, bool isFull) =>
        RequireEqual(Train(Communicator.Alone, new(), isFull),
            ThreadRanks.Run(ranks, rank => Train(rank, new() { ZeroStage = zeroStage }, isFull)));

    [Theory]
    [InlineData(OptimizerKind.Sgd)]
    [InlineData(OptimizerKind.PagedAdamW32Bit)]
    public void DividedGradients_SuitEveryRuleByElement(OptimizerKind kind)
    {
        var options = s_options with { Optimizer = kind };
        RequireEqual(Train(Communicator.Alone, new(), true, options),
            ThreadRanks.Run(3, rank => Train(rank, new() { ZeroStage = 2 }, true, options)));
    }

    [Theory]
    [InlineData(2, 0)]
    [InlineData(3, 0)]
    [InlineData(5, 0)]
    [InlineData(3, 1)]
    public void AFixedOrder_GivesTheSameBitsWithAnyNumberOfRanks(int ranks, int zeroStage)
    {
        var one = Train(Communicator.Alone, new() { FixedOrder = true }, true);

        var many = ThreadRanks.Run(
            ranks, rank => Train(rank, new() { FixedOrder = true, ZeroStage = zeroStage }, true));

        Assert.All(many, trained => Assert.Equal(one.Values, trained.Values));
        Assert.All(many, trained => Assert.Equal(one.Norms, trained.Norms));
    }

    [Theory]
    [InlineData(3, 2)]
    [InlineData(2, 1)]
    public void ACheckpointOfDividedState_IsReadByOneProcessAndByOtherNumbers(int ranks, int zeroStage)
    {
        using var folder = new TemporaryFolder();
        var straight = Train(Communicator.Alone, new(), true, steps: 2 * Steps);
        ThreadRanks.Run(ranks, rank => Train(rank, new() { ZeroStage = zeroStage }, true, save: folder["state"]));

        RequireEqual(straight, [Train(Communicator.Alone, new(), true, resume: folder["state"])]);
        RequireEqual(straight, ThreadRanks.Run(
            4, rank => Train(rank, new() { ZeroStage = zeroStage }, true, resume: folder["state"])));
    }

    [Fact]
    public void WhatDoesNotGoTogether_IsSaid()
    {
        var faults = ThreadRanks.Run(2, rank => new[]
        {
            Refusal(rank, new() { ZeroStage = 2, FixedOrder = true }, s_options),
            Refusal(rank, new() { ZeroStage = 1 }, s_options with { Optimizer = OptimizerKind.AdamW8Bit }),
        });

        Assert.All(faults, messages => Assert.Contains("'full_determinism' keeps the gradients", messages[0]));
        Assert.All(faults, messages => Assert.Contains("Expected adamw_torch", messages[1]));
    }

    private static string Refusal(Communicator rank, DistributedOptions distributed, OptimizationOptions options) =>
        Assert.Throws<ConfigurationException>(() => Train(rank, distributed, true, options)).Message;

    private static void RequireEqual(Trained one, Trained[] many)
    {
        foreach (var trained in many)
        {
            Assert.Equal(one.Norms, trained.Norms, (a, b) => Math.Abs(a - b) <= 1e-5 * a);
            Assert.Equal(one.Losses, trained.Losses, (a, b) => Math.Abs(a - b) <= 1e-6 * a);
            var squares = one.Values.Zip(trained.Values, (a, b) => Math.Pow(a - (double)b, 2)).Sum();
            Assert.InRange(Math.Sqrt(squares / one.Values.Sum(value => Math.Pow(value, 2))), 0, 1e-6);
        }
    }

    private static Trained Train(
        Communicator ranks, DistributedOptions distributed, bool isFull, OptimizationOptions? options = null,
        int steps = Steps, string? save = null, string? resume = null)
    {
        options ??= s_options;
        using var model = Model(isFull);
        using var step = new TrainingStep(model, options, ranks, distributed);
        var first = resume is null ? 0 : Steps;
        if (resume is not null)
            Resume(model, step, ranks, resume, first);
        var (losses, norms) = (new List<double>(), new List<double>());
        for (var i = first; i < (resume is null ? steps : 2 * Steps); i++)
        {
            Batch[] batches = [.. Enumerable.Range(0, MicroBatches).Select(batch => Rows(i * MicroBatches + batch))];
            losses.Add(step.Backward(
                batches, [.. batches.Select(_ => 1.0 / batches.Sum(batch => batch.TargetCount))], i));
            norms.Add(step.Update(options.LearningRate));
        }

        if (save is not null)
        {
            using var whole = step.Optimizer.Collect();
            if (ranks.IsFirst)
                TensorFile.Write(save, step.Optimizer.State().Concat(
                    model.Trainable.Select(parameter => (parameter.Name, parameter.Value))));
        }

        return new Trained(
            [.. model.Trainable.SelectMany(parameter => parameter.Value.detach().data<float>().ToArray())],
            resume is null && steps > Steps ? losses[Steps..] : losses,
            resume is null && steps > Steps ? norms[Steps..] : norms);
    }

    private static void Resume(DecoderModel model, TrainingStep step, Communicator ranks, string file, int steps)
    {
        using var quiet = no_grad();
        using var source = Lorikeet.Formats.Safetensors.SafetensorsFile.Open(file);
        foreach (var parameter in model.Trainable)
        {
            using var stored = TensorFile.Read(source, parameter.Name);
            parameter.Value.copy_(stored);
        }

        if (ranks.IsFirst)
            step.Optimizer.Restore(source, steps);
        step.Optimizer.Share(ranks, steps);
    }

    private static DecoderModel Model(bool isFull)
    {
        var shape = new ModelConfig
        {
            ModelType = "llama",
            HiddenSize = 24,
            IntermediateSize = 41,
            LayerCount = 3,
            HeadCount = 4,
            KeyValueHeadCount = 2,
            HeadSize = 6,
            VocabularySize = 61,
            NormEpsilon = 1e-5,
            MaxPositions = 128,
            Rope = new RopeSettings(),
            Source = new JsonObject(),
        };
        var model = ModelFactory.Create(
            shape, new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None), seed: 1);
        if (isFull)
            model.UnfreezeAll();
        else
            Adapter.Create(model, new LoraOptions { Rank = 5, InitLoraWeights = LoraInitialisation.Random }, seed: 2);
        return model;
    }

    private static Batch Rows(int seed)
    {
        var random = new Random(seed);
        return Batch.FromRows([.. Enumerable.Range(0, 2).Select(_ =>
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(4, 12)).Select(_ => random.Next(0, 61))];
            return new TrainingRow(ids, ids);
        })]);
    }

    private sealed record Trained(float[] Values, List<double> Losses, List<double> Norms);
}
