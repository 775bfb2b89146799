namespace Lorikeet.Training.Rollouts;

/// <summary>The loss of one optimizer step over the answers of a round, micro-batch by micro-batch.</summary>
/// <remarks>
/// The first step of a round notes the log-probabilities, which later steps of it are held against: so far the ratio is
/// 1 and nothing is clipped.
/// </remarks>
internal sealed class PolicyStep
{
    private readonly RolloutRound _round;
    private readonly PolicyLoss _loss;
    private readonly double[] _weights;
    private readonly bool _hasReference;
    private readonly double _tokens; // of all answers that count, those without an advantage too
    private double _divergence;
    private long _low, _high;

    /// <summary>Begins a step.</summary>
    /// <param name="round">The answers.</param>
    /// <param name="loss">The loss of a token.</param>
    /// <param name="weighting">How answers of different length are weighed.</param>
    /// <param name="maxLength">Most tokens of an answer.</param>
    public PolicyStep(RolloutRound round, PolicyLoss loss, PolicyWeighting weighting, int maxLength)
    {
        (_round, _loss, _hasReference) = (round, loss, round.Reference is not null);
        _weights = PolicyLoss.Weights(
            weighting, [.. round.Rollouts.Select(rollout => rollout.Ids.Length)], maxLength);
        _tokens = Math.Max(1, round.Rollouts.Where((_, i) => round.IsLearned[i]).Sum(rollout => rollout.Ids.Length));
    }

    /// <summary>The loss of the micro-batches so far.</summary>
    public double Loss { get; private set; }

    /// <summary>What is measured of the step, by the names of TRL.</summary>
    public IEnumerable<KeyValuePair<string, double>> Metrics
    {
        get
        {
            if (_hasReference)
                yield return new("kl", _divergence / _tokens);
            yield return new("clip_ratio/low_mean", _low / _tokens);
            yield return new("clip_ratio/high_mean", _high / _tokens);
            yield return new("clip_ratio/region_mean", (_low + _high) / _tokens);
        }
    }

    /// <summary>Adds a micro-batch.</summary>
    /// <param name="answers">Its answers among those of the round.</param>
    /// <param name="logProbabilities">Of the tokens of its answers, one after the other.</param>
    /// <returns>The derivative of the step's loss by each of these.</returns>
    public float[] Add(IEnumerable<int> answers, ReadOnlySpan<float> logProbabilities)
    {
        var derivatives = new float[logProbabilities.Length];
        var token = 0;
        foreach (var answer in answers)
        {
            var length = _round.Rollouts[answer].Ids.Length;
            var own = logProbabilities.Slice(token, length);
            var before = _round.Before[answer] ??= own.ToArray();
            if (_round.IsLearned[answer])
                Add(answer, own, before, derivatives.AsSpan(token, length));
            token += length;
        }

        return derivatives;
    }

    private void Add(int answer, ReadOnlySpan<float> own, float[] before, Span<float> derivatives)
    {
        var (advantage, weight) = (_round.AdvantageOf[answer], _weights[answer]);
        var reference = _round.Reference?[answer];
        for (var t = 0; t < own.Length; t++)
        {
            var token = _loss.Of(own[t], before[t], reference?[t] ?? 0, advantage);
            derivatives[t] = (float)(token.Derivative * weight);
            Loss += token.Value * weight;
            _divergence += token.Divergence;
            _low += token.IsClippedLow ? 1 : 0;
            _high += token.IsClippedHigh ? 1 : 0;
        }
    }
}
