using System.Diagnostics;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Loop;
using Lorikeet.Training.Planning;

namespace Lorikeet.Training.Benchmarks;

/// <summary>
/// Training steps on random weights and random full rows: tokens a second, memory, and how near the limit.
/// </summary>
public static class TrainingBenchmark
{
    /// <summary>Takes <c>warmup</c> steps that do not count and <c>steps</c> that do.</summary>
    /// <param name="options">The shape, how it is stored, the adapters, the rows of each rank, and the device.</param>
    /// <param name="ranks">The processes that take the steps together; null for this one alone.</param>
    /// <exception cref="ConfigurationException">
    /// An option has an unknown value, or is not for this device or path.
    /// </exception>
    /// <exception cref="DeviceException">libtorch or the device is missing.</exception>
    public static TrainingFigures Run(BenchmarkOptions options, Communicator? ranks = null)
    {
        ranks ??= Communicator.Alone;
        options = options with { Device = ranks.Device ?? options.Device };
        var machine = BenchmarkMachine.Open(options);
        machine.RequireSense(options);
        var rate = machine.MeasureGemmRate();
        if (options.MemoryLimit is { } limit)
            machine.LimitMemory((long)(limit * 1e9));
        machine.ResetPeak();

        var distributed = new DistributedOptions { ContextParallel = options.ContextParallel };
        var groups = distributed.GroupsOf(ranks.Size);
        var planned = Planned(options, machine, RankDivision.Of(distributed, ranks.Size), groups);
        if (options.Adapters > 1)
        {
            return ranks.Size == 1
                ? SharedTrainingBenchmark.Run(options, machine, rate, planned.Total, OptionsOf(options))
                : throw new ConfigurationException(
                    $"'adapters' is {options.Adapters}, and {ranks.Size} processes were started. Expected one.");
        }

        using var model = BenchmarkModel.Create(options, machine, ranks);
        var weights = machine.UsedMemory;
        BenchmarkModel.Attach(model, options);
        if (options.Optimized && TrainingPasses.WhyUnsupported(model) is { } reason)
            throw new ConfigurationException("optimized is true, but the optimized path does not cover this, " +
                $"because {reason}. Choose optimized false.");
        using var training = new TrainingStep(model, OptionsOf(options), ranks, distributed);
        var adapted = machine.UsedMemory;

        var rows = new StepRows(options);
        var (times, losses, norm, measured) = (new List<double>(), new List<double>(), 0.0, new List<Batch>());
        for (var step = 0; step < options.WarmUp + options.Steps; step++)
        {
            Batch[] batches = [.. Enumerable.Range(0, groups).Select(group => RandomRows(
                model.Config.VocabularySize, rows.Next(), step * groups + group))];
            double[] shares = [.. batches.Select(_ => 1.0 / batches.Sum(batch => batch.TargetCount))];
            ranks.Wait();
            var clock = Stopwatch.StartNew();
            losses.Add(training.Backward(batches, shares, step));
            norm = training.Update(2e-4);
            machine.Wait();
            if (step < options.WarmUp)
                continue;
            times.Add(clock.Elapsed.TotalSeconds);
            measured.AddRange(batches);
        }

        var seconds = TypicalSeconds(times, options);
        var tokensPerSecond = measured.Sum(batch => (long)batch.TokenCount) / (seconds * times.Count);
        var work = BenchmarkModel.TrainingWorkPerToken(model, StepRows.Typical(measured));
        return new TrainingFigures
        {
            Device = machine.Name,
            Rank = options.Rank ?? BenchmarkModel.DefaultRank,
            Processes = ranks.Size,
            RecomputedLayers = options.Optimized ? training.RecomputedLayers : null,
            TokensPerSecond = tokensPerSecond,
            StepSeconds = seconds,
            WeightBytes = weights,
            BytesWithAdapters = adapted,
            PlannedBytes = planned.Total,
            PeakBytes = machine.PeakUsedMemory,
            PeakReservedBytes = machine.PeakReservedMemory,
            FirstLoss = losses[0],
            LastLoss = losses[^1],
            GradientNorm = norm,
            GemmRate = rate,
            WorkRate = work * tokensPerSecond / ranks.Size,
        };
    }

    /// <summary>The median where steps are alike, the mean where their rows are not.</summary>
    internal static double TypicalSeconds(List<double> times, BenchmarkOptions options)
    {
        if (options.Lengths is not null)
            return times.Average();
        times.Sort();
        return times[times.Count / 2];
    }

    private static OptimizationOptions OptionsOf(BenchmarkOptions options) => new()
    {
        Seed = 1,
        MaxGradNorm = 1,
        Checkpointing = options.Checkpointing,
        Optimized = options.Optimized,
        OffloadCheckpoints = options.OffloadCheckpoints,
    };

    /// <summary>What a run like this is planned to take, before anything of it is there.</summary>
    private static MemoryPlan Planned(
        BenchmarkOptions options, BenchmarkMachine machine, RankDivision division, int groups)
    {
        using var outline = BenchmarkModel.Outline(options, machine, division.Ranks);
        var free = MemoryPlanner.FreeBefore(machine.Device);
        var adapters = Math.Max(1, options.Adapters ?? 1);
        var batch = new StepRows(options).Largest(draws: groups * adapters, together: adapters);
        using var planner = new MemoryPlanner(
            outline, OptionsOf(options), machine.Device, MemoryPlanner.LibrariesOf(machine.Device),
            division: division);
        return planner.Plan(
            batch, options.Checkpointing, free);
    }

    internal static Batch RandomRows(int vocabulary, IReadOnlyList<int> lengths, int seed) =>
        Batch.FromRows([.. lengths.Select((length, row) =>
        {
            var ids = BenchmarkModel.RandomTokens(vocabulary, length, seed, row);
            return new TrainingRow(ids, ids);
        })]);
}
