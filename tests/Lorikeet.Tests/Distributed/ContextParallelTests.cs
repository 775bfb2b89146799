using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Distributed;

/// <summary>Ranks that share each row compute what one process does, on either pass.</summary>
public sealed class ContextParallelTests
{
    [Theory]
    [InlineData(2, 2, true, null)]
    [InlineData(4, 4, true, null)]
    [InlineData(4, 2, true, null)] // two groups with batches of their own
    [InlineData(2, 2, true, 17)] // a sliding window
    [InlineData(2, 2, false, null)] // the reference
    [InlineData(4, 2, false, 17)]
    public void ASharedRow_GivesTheStepsOfOneProcess(
        int ranks, int sharing, bool optimized, int? window) => RequireEqual(
        Train(Communicator.Alone, 1, optimized, window),
        ThreadRanks.Run(ranks, rank => Train(rank, sharing, optimized, window)));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void RecomputedLayers_ExchangeOnceMore(bool optimized) => RequireEqual(
        Train(Communicator.Alone, 1, optimized, null),
        ThreadRanks.Run(2, rank => Train(rank, 2, optimized, null, Checkpointing.Full)));

    [Theory]
    [InlineData(3, 2, "there are 3 processes")]
    [InlineData(3, 3, "8 heads and 4 of keys and values")]
    public void WhatCannotBeDivided_IsRefused(int ranks, int sharing, string message) =>
        Assert.All(ThreadRanks.Run(ranks, rank => Assert.Throws<ConfigurationException>(
            () => Train(rank, sharing, true, null)).Message),
            said => Assert.Contains(message, said));

    private static void RequireEqual(Trained one, Trained[] many)
    {
        foreach (var trained in many)
        {
            Assert.Equal(one.Losses, trained.Losses, (a, b) => Math.Abs(a - b) <= 1e-6 * a);
            Assert.InRange(Distance(one.Gradients, trained.Gradients), 0, 1e-6);
        }
    }

    private static double Distance(float[] one, float[] other) => Math.Sqrt(
        one.Zip(other, (a, b) => Math.Pow(a - (double)b, 2)).Sum() / one.Sum(value => Math.Pow(value, 2)));

    private static Trained Train(
        Communicator ranks, int sharing, bool optimized, int? window, Checkpointing checkpointing = Checkpointing.None)
    {
        var shape = new ModelConfig
        {
            ModelType = "llama",
            HiddenSize = 48,
            IntermediateSize = 56,
            LayerCount = 2,
            HeadCount = 8,
            KeyValueHeadCount = 4,
            HeadSize = 6,
            VocabularySize = 67,
            NormEpsilon = 1e-5,
            MaxPositions = 512,
            SlidingWindow = window,
            Rope = new RopeSettings(),
            Source = new JsonObject(),
        };
        using var model = ModelFactory.Create(
            shape, new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None), seed: 1, deviation: 0.1);
        Adapter.Create(model, new LoraOptions { Rank = 4, InitLoraWeights = LoraInitialisation.Random }, seed: 2);
        var options = new OptimizationOptions { Optimized = optimized, Checkpointing = checkpointing };
        using var step = new TrainingStep(model, options, ranks, new DistributedOptions { ContextParallel = sharing });
        Assert.Null(step.WhyReference);
        // One long row, and a batch of rows that the ranks' borders cut through.
        Batch[] batches = [Rows(5, 141), Rows(6, 23, 64, 9, 50)];
        double[] weights = [.. batches.Select(_ => 1.0 / batches.Sum(batch => batch.TargetCount))];
        var loss = step.Backward(batches, weights, 0);
        var evaluated = batches.Sum(step.Pass.Evaluate);
        Span<double> sum = [evaluated];
        ranks.Sum(sum);
        // Groups that have batches of their own evaluated the same ones here.
        var groups = ranks.Size / sharing;
        return new Trained(
            [loss, sum[0] / groups],
            [.. model.Trainable.SelectMany(parameter => parameter.Value.grad!.data<float>().ToArray())]);
    }

    private static Batch Rows(int seed, params int[] lengths)
    {
        var random = new Random(seed);
        return Batch.FromRows([.. lengths.Select(length =>
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(0, 67))];
            return new TrainingRow(ids, [.. ids.Select(id => random.Next(3) == 0 ? TrainingRow.Ignored : id)]);
        })]);
    }

    private sealed record Trained(double[] Losses, float[] Gradients);
}
