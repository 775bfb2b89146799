using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>
/// Where a run stands, folded from its events: smoothed speed and loss, and the time that is left. It reads no clock,
/// so the same events always give the same numbers.
/// </summary>
public sealed class RunProgress : ITrainingObserver
{
    // Weight of the newest step: about the last twenty count.
    private const double Newest = 0.1;

    private readonly MovingAverage _secondsPerStep = new(Newest);
    private readonly MovingAverage _tokensPerStep = new(Newest);
    private readonly MovingAverage _loss = new(Newest);
    private double _evaluationSeconds;
    private long? _tokensBefore;

    /// <summary>The run, once it has begun.</summary>
    public RunSummary? Summary { get; private set; }

    /// <summary>The newest step.</summary>
    public StepMetrics? Latest { get; private set; }

    /// <summary>The newest evaluation.</summary>
    public EvaluationMetrics? LatestEvaluation { get; private set; }

    /// <summary>
    /// Best value so far of the metric that evaluations are compared by, the base's apart; null before the first.
    /// </summary>
    public double? BestValue { get; private set; }

    /// <summary>Whether no evaluation but the base's was better than the newest.</summary>
    public bool IsBest { get; private set; }

    /// <summary>Steps done, those before a resume included.</summary>
    public int Step => Latest?.Step ?? Summary?.FirstStep ?? 0;

    /// <summary>Share of the steps done, from 0 to 1.</summary>
    public double Share => Summary is { TotalSteps: > 0 } summary ? (double)Step / summary.TotalSteps : 0;

    /// <summary>Loss, smoothed over about the last twenty steps; null before the first.</summary>
    public double? Loss => _loss.Value;

    /// <summary>Tokens a second, smoothed as tokens over time (a mean of rates would favour short batches).</summary>
    public double? TokensPerSecond => _tokensPerStep.Value / _secondsPerStep.Value;

    /// <summary>
    /// Seconds that are left: the remaining steps at the smoothed pace, and evaluations at the share of time they have
    /// taken so far; null before the first step.
    /// </summary>
    public double? SecondsLeft
    {
        get
        {
            if (Summary is null || _secondsPerStep.Value is not { } pace)
                return null;
            var done = Math.Max(1, Step - Summary.FirstStep);
            return (Summary.TotalSteps - Step) * (pace + _evaluationSeconds / done);
        }
    }

    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        switch (trainingEvent)
        {
            case RunStarted { Summary: var summary }:
                Summary = summary;
                _tokensBefore = summary.FirstStep == 0 ? 0 : null;
                break;
            case StepCompleted { Metrics: var metrics }:
                Take(metrics);
                break;
            case EvaluationCompleted { Metrics: var metrics }:
                Take(metrics);
                break;
        }
    }

    private void Take(EvaluationMetrics metrics)
    {
        LatestEvaluation = metrics;
        _evaluationSeconds += metrics.Seconds + (metrics.Answers?.Seconds ?? 0) + (metrics.Probe?.Seconds ?? 0);
        var metric = Summary?.Metric ?? BestMetric.Loss;
        IsBest = metrics.Step > 0 && metrics.ValueOf(metric) is { } value && IsNoWorse(value, metric);
        if (IsBest)
            BestValue = metrics.ValueOf(metric);
    }

    private bool IsNoWorse(double value, BestMetric metric) =>
        BestValue is not { } best || (metric == BestMetric.Loss ? value <= best : value >= best);

    private void Take(StepMetrics metrics)
    {
        Latest = metrics;
        _loss.Add(metrics.Loss);
        // After a resume the tokens of the first step are not known by themselves.
        if (_tokensBefore is { } before && metrics.TokensPerSecond > 0)
        {
            var tokens = metrics.Tokens - before;
            _tokensPerStep.Add(tokens);
            _secondsPerStep.Add(tokens / metrics.TokensPerSecond);
        }

        _tokensBefore = metrics.Tokens;
    }
}
