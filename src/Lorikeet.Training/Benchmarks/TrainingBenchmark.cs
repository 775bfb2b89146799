using System.Diagnostics;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Optimization;

namespace Lorikeet.Training.Benchmarks;

/// <summary>Training steps on random weights and random full rows: tokens a second, memory, and how near the limit.</summary>
public static class TrainingBenchmark
{
    private const int WarmUpSteps = 2;

    /// <summary>Takes two steps that do not count and <c>steps</c> that do.</summary>
    /// <param name="options">The shape, how it is stored, the adapters, the rows, and the device.</param>
    /// <exception cref="ConfigurationException">An option stands for nothing, or is not for this device or path.</exception>
    /// <exception cref="DeviceException">libtorch or the device is missing.</exception>
    public static TrainingFigures Run(BenchmarkOptions options)
    {
        var machine = BenchmarkMachine.Open(options);
        machine.RequireSense(options);
        var rate = machine.MeasureGemmRate();
        if (options.MemoryLimit is { } limit)
            machine.LimitMemory((long)(limit * 1e9));
        machine.ResetPeak();

        using var model = BenchmarkModel.Create(options, machine);
        var weights = machine.UsedMemory;
        BenchmarkModel.Attach(model, options);
        using var gradients = new Gradients(model.Trainable);
        using var optimizer = Optimizer.Create(model.Trainable, new OptimizationOptions());
        var adapted = machine.UsedMemory;
        using var pass = CreatePass(model, options);

        var (times, losses, norm) = (new List<double>(), new List<double>(), 0.0);
        for (var step = 0; step < WarmUpSteps + options.Steps; step++)
        {
            var batch = RandomRows(model.Config.VocabularySize, options.Batch, options.Length, step);
            var clock = Stopwatch.StartNew();
            losses.Add(pass.Run(batch, 1.0 / batch.TargetCount, new DropoutKey(1, step, 0)) / batch.TargetCount);
            norm = optimizer.Step(gradients, 1, 2e-4);
            gradients.Clear();
            machine.Wait();
            if (step >= WarmUpSteps)
                times.Add(clock.Elapsed.TotalSeconds);
        }

        times.Sort();
        var seconds = times[times.Count / 2];
        var tokensPerSecond = options.Batch * options.Length / seconds;
        return new TrainingFigures
        {
            Device = machine.Name,
            Rank = options.Rank ?? BenchmarkModel.DefaultRank,
            RecomputedLayers = (pass as OptimizedPass)?.RecomputedLayers,
            TokensPerSecond = tokensPerSecond,
            StepSeconds = seconds,
            WeightBytes = weights,
            BytesWithAdapters = adapted,
            PeakBytes = machine.PeakUsedMemory,
            PeakReservedBytes = machine.PeakReservedMemory,
            FirstLoss = losses[0],
            LastLoss = losses[^1],
            GradientNorm = norm,
            GemmRate = rate,
            WorkRate = BenchmarkModel.TrainingWorkPerToken(model, options.Length) * tokensPerSecond,
        };
    }

    private static ITrainingPass CreatePass(DecoderModel model, BenchmarkOptions options)
    {
        if (!options.Optimized)
            return new TrainingPass(model, options.Checkpointing == Checkpointing.Full);
        if (OptimizedSupport.Obstacle(model) is { } obstacle)
            throw new ConfigurationException($"optimized is true, but the optimized path does not cover this, because {obstacle}. Choose optimized false.");
        return new OptimizedPass(
            model, OptimizedSupport.Kernels(model), options.Checkpointing, offloadCheckpoints: options.OffloadCheckpoints);
    }

    private static Batch RandomRows(int vocabulary, int rows, int length, int seed)
    {
        var random = new Random(seed);
        return Batch.FromRows([.. Enumerable.Range(0, rows).Select(_ =>
        {
            var ids = Enumerable.Range(0, length).Select(_ => random.Next(vocabulary)).ToArray();
            return new TrainingRow(ids, ids);
        })]);
    }
}
