namespace Lorikeet.Models.Generation;

/// <summary>Keeps the k largest logits, and all that equal the k-th (<c>top_k</c>).</summary>
internal sealed class TopKTransform(int k) : LogitsTransform
{
    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        if (k >= logits.Length)
            return;
        var threshold = KthLargest(logits, k);
        foreach (ref var logit in logits)
            if (logit < threshold)
                logit = float.NegativeInfinity;
    }

    private static float KthLargest(ReadOnlySpan<float> values, int k)
    {
        var kept = new PriorityQueue<float, float>(k); // the smallest of the k largest comes first
        foreach (var value in values)
        {
            if (kept.Count < k)
                kept.Enqueue(value, value);
            else if (value > kept.Peek())
                kept.DequeueEnqueue(value, value);
        }

        return kept.Peek();
    }
}

/// <summary>Nucleus sampling: keeps the fewest most likely ids whose probabilities reach p (<c>top_p</c>).</summary>
/// <remarks>
/// arXiv 1904.09751. As in the reference, ids are removed from the least likely up while the sum of the removed
/// stays at or below 1 - p.
/// </remarks>
internal sealed class TopPTransform(double p) : LogitsTransform
{
    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        var budget = (float)(1 - p);
        var probabilities = new float[logits.Length];
        LogitsMath.Softmax(logits, probabilities);

        // An id below budget/vocabulary is removed whatever the others are: all below it together stay within the
        // budget. Only the few others need sorting.
        var negligible = budget / logits.Length;
        var removed = 0.0;
        var candidates = new List<int>();
        for (var id = 0; id < logits.Length; id++)
        {
            if (probabilities[id] < negligible)
            {
                removed += probabilities[id];
                logits[id] = float.NegativeInfinity;
            }
            else
            {
                candidates.Add(id);
            }
        }

        var ascending = candidates.ToArray();
        Array.Sort(ascending.Select(id => (probabilities[id], id)).ToArray(), ascending);
        foreach (var id in ascending.AsSpan()[..^1]) // the likeliest always stays
        {
            removed += probabilities[id];
            if ((float)removed > budget)
                break;
            logits[id] = float.NegativeInfinity;
        }
    }
}

/// <summary>
/// Keeps ids at least <paramref name="share"/> as likely as the likeliest (<c>min_p</c>, arXiv 2407.01082).
/// </summary>
internal sealed class MinPTransform(double share) : LogitsTransform
{
    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        var probabilities = new float[logits.Length];
        LogitsMath.Softmax(logits, probabilities);
        var threshold = (float)share * LogitsMath.Max(probabilities);
        for (var id = 0; id < logits.Length; id++)
            if (probabilities[id] < threshold)
                logits[id] = float.NegativeInfinity;
    }
}

/// <summary>
/// Typical sampling (<c>typical_p</c>, arXiv 2202.00666): keeps the ids whose information content is nearest to the
/// entropy of the distribution, until their probabilities reach the mass.
/// </summary>
internal sealed class TypicalTransform(double mass) : LogitsTransform
{
    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        var logProbabilities = logits.ToArray();
        var probabilities = new float[logits.Length];
        LogitsMath.Softmax(logits, probabilities);
        LogitsMath.LogSoftmax(logProbabilities, new float[logits.Length]);

        var entropy = 0.0;
        for (var id = 0; id < logits.Length; id++)
            if (probabilities[id] > 0)
                entropy -= (double)probabilities[id] * logProbabilities[id];

        var distances = new float[logits.Length];
        var order = new int[logits.Length];
        for (var id = 0; id < logits.Length; id++)
        {
            order[id] = id;
            distances[id] = MathF.Abs(-logProbabilities[id] - (float)entropy);
        }

        Array.Sort(order.Select(id => (distances[id], id)).ToArray(), order);
        var kept = 0.0;
        var last = 0;
        while (last < order.Length - 1 && (float)(kept += probabilities[order[last]]) < (float)mass)
            last++;

        var threshold = distances[order[last]];
        for (var id = 0; id < logits.Length; id++)
            if (distances[id] > threshold)
                logits[id] = float.NegativeInfinity;
    }
}
