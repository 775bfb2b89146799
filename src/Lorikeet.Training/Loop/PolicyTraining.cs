using System.Diagnostics;
using Lorikeet.Data.Batches;
using Lorikeet.Formats.Options;
using Lorikeet.Training.Rollouts;

namespace Lorikeet.Training.Loop;

/// <summary>
/// Learning from rewards: answers are drawn by the model as it is, compared with each other, and made more likely or
/// less (GRPO, arXiv 2402.03300). The base that they are held against is the same model with its adapter off.
/// </summary>
internal sealed class PolicyTraining
{
    private readonly TrainingTask _task;
    private readonly TrainingStep _step;
    private readonly ITrainingObserver _observer;
    private readonly RolloutRounds _rounds;
    private readonly RolloutWatch _watch;
    private readonly PolicyLoss _loss;
    private readonly PolicyWeighting _weighting;
    private readonly double _beta;
    private readonly Stopwatch _clock = new();
    private (double Drawing, double Scoring) _before;
    private RolloutRound _round = null!; // of the step that is taken

    /// <summary>Prepares the rounds.</summary>
    /// <param name="task">Its rollouts say where answers come from.</param>
    /// <param name="step">Takes the steps.</param>
    /// <param name="observer">Receives warnings of rounds that teach nothing.</param>
    public PolicyTraining(TrainingTask task, TrainingStep step, ITrainingObserver observer)
    {
        (_task, _step, _observer) = (task, step, observer);
        var options = task.Options.Rewards;
        _rounds = new RolloutRounds(task.Rollouts!, task.Model, task.Plan, task.Options);
        _watch = new RolloutWatch(options.MaxCompletionLength);
        step.Pass.Temperature = options.Temperature;
        _beta = task.Options.Objective.Beta ?? 0;
        _loss = new PolicyLoss(options.Epsilon, options.EpsilonHigh ?? options.Epsilon, _beta);
        _weighting = WeightingOf(task.Options.Objective.LossTypes);
    }

    /// <summary>Begins a step: draws the answers, where a round begins with it.</summary>
    /// <param name="step">Steps done before it.</param>
    public void Begin(int step)
    {
        _clock.Restart();
        _step.BeforePass?.Invoke();
        _before = _rounds.Seconds;
        (_round, var isNew) = _rounds.Of(step);
        if (isNew)
            Warn(_round);
    }

    /// <summary>Adds the gradient of the loss of the step that was begun.</summary>
    /// <param name="step">Steps done before it.</param>
    /// <param name="mostRows">Most answers of a micro-batch.</param>
    public StepOutcome Backward(int step, int mostRows)
    {
        var round = _round;
        if (_beta != 0 && round.Reference is null)
            round.Reference = AskBase(round, mostRows);

        var policy = new PolicyStep(round, _loss, _weighting, _task.Options.Rewards.MaxCompletionLength);
        int[][] answers = [.. LearnedOf(round).Chunk(mostRows)];
        Batch[] batches = [.. answers.Select(round.BatchOf)];
        _step.Backward(batches, step, (i, _, key) =>
        {
            _step.BeforePass?.Invoke();
            _step.Pass.Run(batches[i], logProbabilities => policy.Add(answers[i], logProbabilities), key);
            return 0; // the loss is summed beside
        });
        var (drawing, scoring) = (
            _rounds.Seconds.Drawing - _before.Drawing, _rounds.Seconds.Scoring - _before.Scoring);
        IEnumerable<KeyValuePair<string, double>> times =
        [
            new("time/generation", drawing), new("time/scoring", scoring),
            new("time/training", _clock.Elapsed.TotalSeconds - drawing - scoring),
        ];
        return new StepOutcome(
            [.. round.Rows.Chunk(_task.Options.Optimization.BatchSize)], policy.Loss,
            RolloutMetrics.Of(round, _task.Rollouts!.Rewards).Concat(policy.Metrics).Concat(times).ToDictionary());
    }

    /// <summary>Writes what a checkpoint needs where steps remain to be taken on the answers.</summary>
    public void Save(string folder, int step)
    {
        if (_rounds.IsOpen(step) && _rounds.Current is { } round)
            RolloutState.Write(round, Path.Combine(folder, RolloutState.FileName));
    }

    /// <summary>Goes on where a checkpoint was saved.</summary>
    public void Restore(string folder, int step)
    {
        if (_rounds.IsOpen(step))
            _rounds.Restore(RolloutState.Read(Path.Combine(folder, RolloutState.FileName), _task.Options.Rewards));
    }

    /// <summary>
    /// The answers that have a gradient: those as good as the mean of their group have none, unless they are held
    /// against the base. All of them where none has, so that a step is a step.
    /// </summary>
    private int[] LearnedOf(RolloutRound round)
    {
        int[] all = [.. Enumerable.Range(0, round.Rollouts.Count)];
        int[] learned = [.. all.Where(i => round.IsLearned[i] && (_beta != 0 || round.AdvantageOf[i] != 0))];
        return learned.Length > 0 ? learned : all;
    }

    private void Warn(RolloutRound round)
    {
        foreach (var warning in _watch.Warnings(round))
            _observer.Observe(new Warning(warning));
    }

    /// <summary>Log-probabilities of each answer's tokens by the base.</summary>
    private float[][] AskBase(RolloutRound round, int mostRows)
    {
        var all = new List<float[]>();
        foreach (var answers in Enumerable.Range(0, round.Rollouts.Count).Chunk(mostRows))
        {
            _step.BeforePass?.Invoke();
            var logProbabilities = _step.Pass.LogProbabilities(round.BatchOf(answers), withoutAdapter: true);
            var token = 0;
            foreach (var answer in answers)
                all.Add(logProbabilities[token..(token += round.Rollouts[answer].Ids.Length)]);
        }

        return [.. all];
    }

    private static PolicyWeighting WeightingOf(IReadOnlyList<LossType> types) => types switch
    {
        [] or [LossType.Dapo] => PolicyWeighting.Token,
        [LossType.Grpo] => PolicyWeighting.Answer,
        [LossType.DrGrpo] => PolicyWeighting.Constant,
        _ => throw new ConfigurationException(
            $"'loss_type' is {string.Join(", ", types.Select(type => WireNames.Of(type)))}, and 'method' is grpo. "
            + "Expected grpo, dapo or dr_grpo."),
    };
}
