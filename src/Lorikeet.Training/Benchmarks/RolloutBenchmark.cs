using System.Diagnostics;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Optimization;
using Lorikeet.Training.Loop;
using Lorikeet.Training.Rollouts;

namespace Lorikeet.Training.Benchmarks;

/// <summary>
/// Steps of learning from rewards on random weights and random questions: how long answers of a fixed length take to be
/// drawn, rewarded and learned from.
/// </summary>
public static class RolloutBenchmark
{
    /// <summary>Takes <c>warmup</c> steps that do not count and <c>steps</c> that do.</summary>
    /// <param name="options">
    /// The shape, how it is stored, the adapter; <c>prompts</c> times <c>generations</c> answers of <c>new</c> tokens,
    /// learned in batches of <c>batch</c>.
    /// </param>
    /// <exception cref="ConfigurationException">An option has an unknown value, or is not for this device.</exception>
    /// <exception cref="DeviceException">libtorch or the device is missing.</exception>
    public static RolloutFigures Run(BenchmarkOptions options)
    {
        var machine = BenchmarkMachine.Open(options);
        machine.ResetPeak();
        using var model = BenchmarkModel.Create(options, machine);
        var weights = machine.UsedMemory;
        BenchmarkModel.Attach(model, options);
        using var training = new TrainingStep(model, new OptimizationOptions
        {
            Seed = 1,
            Checkpointing = options.Checkpointing,
            Optimized = options.Optimized,
        });

        var times = new List<double[]>(); // generation, scoring, training, all
        for (var step = 0; step < options.WarmUp + options.Steps; step++)
        {
            var clock = Stopwatch.StartNew();
            var drawn = Draw(model, options, step);
            var generation = clock.Elapsed.TotalSeconds;
            var round = Reward(drawn, options, step);
            var scoring = clock.Elapsed.TotalSeconds - generation;
            Learn(training, round, options, step);
            machine.Wait();
            var all = clock.Elapsed.TotalSeconds;
            if (step >= options.WarmUp)
                times.Add([generation, scoring, all - generation - scoring, all]);
        }

        double Median(int part) => times.Select(step => step[part]).Order().ElementAt(times.Count / 2);
        return new RolloutFigures
        {
            Device = machine.Name,
            Rank = options.Rank ?? BenchmarkModel.DefaultRank,
            GenerationSeconds = Median(0),
            ScoringSeconds = Median(1),
            TrainingSeconds = Median(2),
            StepSeconds = Median(3),
            AnswerTokens = options.Prompts * options.Generations * options.NewTokens,
            WeightBytes = weights,
            PeakBytes = machine.PeakUsedMemory,
        };
    }

    private static IReadOnlyList<Continuation> Draw(DecoderModel model, BenchmarkOptions options, int step)
    {
        var prompts = Enumerable.Range(0, options.Prompts).Select(row => BenchmarkModel.RandomTokens(
            model.Config.VocabularySize, options.PromptLength, seed: 1 + step, row));
        return new TextGenerator(model, null).Generate(
            [.. prompts.SelectMany(prompt => Enumerable.Repeat(prompt, options.Generations))], new GenerationOptions
            {
                Sample = true,
                TopK = 0,
                MaxNewTokens = options.NewTokens, // no token ends an answer
                Seed = step,
                Optimized = options.Optimized,
            }).Continuations;
    }

    private static RolloutRound Reward(IReadOnlyList<Continuation> drawn, BenchmarkOptions options, int step) => new(
        step,
        [
            .. drawn.Chunk(options.Generations).Select(answers => new RolloutGroup(
                [.. answers[0].PromptIds],
                [.. answers.Select(answer => new Rollout([.. answer.OutputIds], answer.OutputIds.Sum() % 7 / 7.0))])),
        ], new RewardOptions());

    private static void Learn(TrainingStep training, RolloutRound round, BenchmarkOptions options, int step)
    {
        var policy = new PolicyStep(
            round, new PolicyLoss(0.2, 0.2, beta: 0), PolicyWeighting.Token, options.NewTokens);
        Batch[] batches = [.. Enumerable.Range(0, round.Rows.Count).Chunk(options.Batch).Select(round.BatchOf)];
        training.Backward(batches, step, (i, _, key) =>
        {
            var answers = Enumerable.Range(i * options.Batch, batches[i].SegmentCount);
            training.Pass.Run(batches[i], logProbabilities => policy.Add(answers, logProbabilities), key);
            return 0;
        });
        _ = training.Update(1e-6);
    }
}
