using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Training.Rollouts;

/// <summary>Which answers a step learns from: those of a round, which is drawn when its first step begins.</summary>
internal sealed class RolloutRounds
{
    private readonly RolloutTask _task;
    private readonly RewardOptions _options;
    private readonly RolloutSampler? _sampler;
    private readonly BatchPlan _plan;

    /// <summary>Prepares the rounds.</summary>
    /// <param name="task">Questions, or answers of a file.</param>
    /// <param name="model">The model, with what is trained active.</param>
    /// <param name="plan">Which questions or groups a step takes.</param>
    /// <param name="options">Of the run.</param>
    public RolloutRounds(RolloutTask task, DecoderModel model, BatchPlan plan, TrainingOptions options)
    {
        (_task, _plan, _options) = (task, plan, options.Rewards);
        if (task.Questions.Count > 0)
            _sampler = new RolloutSampler(
                model, task.Tokenizer!, task.Format!, task.Rewards!, _options, (ulong)options.Optimization.Seed);
    }

    /// <summary>The round of the last step; null before the first.</summary>
    public RolloutRound? Current { get; private set; }

    /// <summary>Seconds that drawing and scoring took so far.</summary>
    public (double Drawing, double Scoring) Seconds => _sampler?.Seconds ?? default;

    /// <summary>Whether steps remain to be taken on the answers of the last one.</summary>
    /// <param name="step">Steps done.</param>
    public bool IsOpen(int step) => step % _options.Iterations != 0;

    /// <summary>The answers that a step learns from, and whether they are new.</summary>
    /// <param name="step">Steps done before it.</param>
    public (RolloutRound Round, bool IsNew) Of(int step)
    {
        var number = step / _options.Iterations;
        if (Current is { } current && current.Number == number)
            return (current, false);
        var (epoch, stepInEpoch) = Math.DivRem(step, _plan.StepsPerEpoch);
        int[] chosen = [.. _plan.StepRows(epoch, stepInEpoch).SelectMany(rows => rows)];
        var groups = _sampler is null
            ? [.. chosen.Select(group => _task.Groups[group])]
            : _sampler.Draw([.. chosen.Select(question => _task.Questions[question])], number);
        return (Current = new RolloutRound(number, groups, _options), true);
    }

    /// <summary>Goes on with a round that a checkpoint kept.</summary>
    public void Restore(RolloutRound round) => Current = round;
}
