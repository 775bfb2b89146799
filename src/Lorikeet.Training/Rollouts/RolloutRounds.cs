using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Optimization;

namespace Lorikeet.Training.Rollouts;

/// <summary>Which answers a step learns from: those of a round, which is drawn when its first step begins.</summary>
internal sealed class RolloutRounds
{
    private readonly RolloutTask _task;
    private readonly RewardOptions _options;
    private readonly RolloutSampler? _sampler;
    private readonly BatchPlan _plan;

    /// <summary>Plans the rounds.</summary>
    /// <param name="task">Questions, or answers of a file.</param>
    /// <param name="model">The model, with what is trained active.</param>
    /// <param name="options">Of the run.</param>
    /// <exception cref="ConfigurationException">A step does not hold whole groups.</exception>
    public RolloutRounds(RolloutTask task, DecoderModel model, TrainingOptions options)
    {
        (_task, _options) = (task, options.Rewards);
        if (task.Questions.Count > 0)
            _sampler = new RolloutSampler(
                model, task.Tokenizer!, task.Format!, task.Rewards!, _options, (ulong)options.Optimization.Seed);
        _plan = new BatchPlan(
            [.. (_sampler is null ? task.Groups.Select(group => group.PromptIds)
                : task.Questions.Select(question => question.PromptIds)).Select(ids => ids.Length)],
            new BatchPlanOptions
            {
                BatchSize = GroupsOfStep(options.Optimization, _sampler is null
                    ? task.Groups[0].Rollouts.Count
                    : _options.Generations),
                AccumulationSteps = 1,
                Seed = (ulong)options.Optimization.Seed,
                Shuffle = options.Data.Shuffle && _sampler is not null, // a file is read in its order
            });
    }

    /// <summary>Optimizer steps after which every question was asked once.</summary>
    public int StepsPerEpoch => _plan.StepsPerEpoch * _options.Iterations;

    /// <summary>The round of the last step; null before the first.</summary>
    public RolloutRound? Current { get; private set; }

    /// <summary>Whether steps remain to be taken on it.</summary>
    /// <param name="step">Steps done.</param>
    public bool IsOpen(int step) => step % _options.Iterations != 0;

    /// <summary>Seconds that drawing and scoring took so far.</summary>
    public (double Drawing, double Scoring) Seconds => _sampler?.Seconds ?? default;

    /// <summary>The answers that a step learns from, and whether they are new.</summary>
    /// <param name="step">Steps done before it.</param>
    public (RolloutRound Round, bool IsNew) Of(int step)
    {
        var number = step / _options.Iterations;
        if (Current is { } current && current.Number == number)
            return (current, false);
        var (epoch, stepInEpoch) = Math.DivRem(number, _plan.StepsPerEpoch);
        int[] chosen = [.. _plan.StepRows(epoch, stepInEpoch).SelectMany(rows => rows)];
        var groups = _sampler is null
            ? [.. chosen.Select(group => _task.Groups[group])]
            : _sampler.Draw([.. chosen.Select(question => _task.Questions[question])], number);
        return (Current = new RolloutRound(number, groups, _options), true);
    }

    /// <summary>Goes on with a round that a checkpoint kept.</summary>
    public void Restore(RolloutRound round) => Current = round;

    private static int GroupsOfStep(OptimizationOptions options, int ofGroup)
    {
        var answers = options.BatchSize * options.GradientAccumulation;
        if (answers % ofGroup == 0)
            return answers / ofGroup;
        throw new ConfigurationException(
            $"A step has {answers} answers ('per_device_train_batch_size' {options.BatchSize} times "
            + $"'gradient_accumulation_steps' {options.GradientAccumulation}), and a question gets {ofGroup} "
            + "('num_generations'). A multiple was expected, so that every step has whole groups.");
    }
}
