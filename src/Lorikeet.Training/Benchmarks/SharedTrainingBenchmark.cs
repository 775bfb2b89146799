using System.Diagnostics;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;

namespace Lorikeet.Training.Benchmarks;

/// <summary>Training steps of several adapters that go through one base together, each with rows of its own.</summary>
internal static class SharedTrainingBenchmark
{
    /// <summary>Takes steps as <see cref="TrainingBenchmark"/> does; each adapter has a batch in every step.</summary>
    /// <param name="options">Batch and length are those of each adapter.</param>
    /// <param name="machine">The device.</param>
    /// <param name="rate">Its rate of large GEMMs.</param>
    /// <param name="planned">Most bytes that one adapter with all rows was planned to take.</param>
    /// <param name="training">How the steps are taken.</param>
    public static TrainingFigures Run(
        BenchmarkOptions options, BenchmarkMachine machine, double rate, long planned, OptimizationOptions training)
    {
        var count = options.Adapters!.Value;
        using var model = BenchmarkModel.Create(options, machine);
        var weights = machine.UsedMemory;
        List<(Adapter Adapter, ParameterUpdate Update)> members = [];
        for (var i = 0; i < count; i++)
        {
            BenchmarkModel.Attach(model, options);
            members.Add((
                (Adapter)model.Active!,
                new ParameterUpdate(model, training, Communicator.Alone, hasFixedOrder: false, zeroStage: 0)));
        }

        using var pass = new SharedPass(
            model, [.. members.Select(member => (member.Adapter, Loop.TrainingStep.PassOptions(training)))]);
        if (options.Optimized && pass.Sharing < count)
            throw new ConfigurationException(
                "optimized is true, but the optimized path does not cover this. Choose optimized false.");
        var adapted = machine.UsedMemory;

        var lengths = new StepRows(options);
        var (times, losses, norm, measured) = (new List<double>(), new List<double>(), 0.0, new List<Batch>());
        for (var step = 0; step < options.WarmUp + options.Steps; step++)
        {
            AdapterBatch[] batches = [.. members.Select((_, i) =>
            {
                var rows = TrainingBenchmark.RandomRows(
                    model.Config.VocabularySize, lengths.Next(), step * count + i);
                return new AdapterBatch(i, rows, 1.0 / rows.TargetCount, new PassKey(1, step, 0));
            })];
            var clock = Stopwatch.StartNew();
            foreach (var (_, update) in members)
                update.Begin(isLast: true);
            var sums = pass.Run(batches);
            foreach (var (_, update) in members)
            {
                update.End(0, counts: true);
                update.Complete();
                norm = update.Apply(training.MaxGradNorm, 2e-4);
            }

            machine.Wait();
            losses.Add(sums.Zip(batches, (sum, batch) => sum * batch.Weight).Average());
            if (step < options.WarmUp)
                continue;
            times.Add(clock.Elapsed.TotalSeconds);
            measured.AddRange(batches.Select(own => own.Batch));
        }

        var seconds = TrainingBenchmark.TypicalSeconds(times, options);
        var speed = measured.Sum(batch => (long)batch.TokenCount) / (seconds * times.Count);
        members[0].Adapter.Activate();
        var figures = new TrainingFigures
        {
            Device = machine.Name,
            Rank = options.Rank ?? BenchmarkModel.DefaultRank,
            Adapters = count,
            RecomputedLayers = options.Optimized ? pass.RecomputedLayers : null,
            TokensPerSecond = speed,
            StepSeconds = seconds,
            WeightBytes = weights,
            BytesWithAdapters = adapted,
            PlannedBytes = planned,
            PeakBytes = machine.PeakUsedMemory,
            PeakReservedBytes = machine.PeakReservedMemory,
            FirstLoss = losses[0],
            LastLoss = losses[^1],
            GradientNorm = norm,
            GemmRate = rate,
            WorkRate = BenchmarkModel.TrainingWorkPerToken(model, StepRows.Typical(measured)) * speed,
        };
        foreach (var (_, update) in members)
            update.Dispose();
        return figures;
    }
}
