namespace Lorikeet.Models.Generation;

/// <summary>What a model thought of a token and of its rivals, by its logits as they came.</summary>
internal static class LogProbabilities
{
    /// <summary>A token with its log-probability and the most likely ones at its place.</summary>
    /// <param name="id">The token.</param>
    /// <param name="logits">The model's own, [vocabulary].</param>
    /// <param name="top">How many rivals are named.</param>
    /// <param name="scratch">[vocabulary]; overwritten.</param>
    public static DecodedToken Of(int id, ReadOnlySpan<float> logits, int top, Span<float> scratch)
    {
        var logSum = LogitsMath.Max(logits) + Math.Log(LogitsMath.Exponentials(logits, scratch));
        return new DecodedToken(id, logits[id] - logSum, Top(logits, top, logSum));
    }

    /// <summary>The likeliest first; of equals, the one of lower id.</summary>
    private static TokenProbability[] Top(ReadOnlySpan<float> logits, int count, double logSum)
    {
        if (count == 0)
            return [];
        var kept = new PriorityQueue<int, (float Logit, int Order)>(count + 1); // the worst first
        for (var id = 0; id < logits.Length; id++)
        {
            if (kept.Count == count && kept.TryPeek(out _, out var worst) && !(logits[id] > worst.Logit))
                continue;
            kept.Enqueue(id, (logits[id], -id));
            if (kept.Count > count)
                kept.Dequeue();
        }

        var top = new TokenProbability[kept.Count];
        for (var i = top.Length - 1; i >= 0; i--)
        {
            var id = kept.Dequeue();
            top[i] = new TokenProbability(id, logits[id] - logSum);
        }

        return top;
    }
}
