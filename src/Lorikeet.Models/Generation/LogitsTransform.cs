namespace Lorikeet.Models.Generation;

/// <summary>One rule that changes the logits of the next token before it is chosen.</summary>
/// <remarks>
/// Reference: transformers <c>generation/logits_process.py</c>; each transform there has its counterpart here.
/// </remarks>
internal abstract class LogitsTransform
{
    /// <summary>Changes one row in place.</summary>
    /// <param name="ids">Prompt and answer so far.</param>
    /// <param name="promptLength">How many of <paramref name="ids"/> are prompt.</param>
    /// <param name="logits">One value per id of the vocabulary; minus infinity forbids an id.</param>
    public abstract void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits);
}

/// <summary>Divides the logits (<c>temperature</c>).</summary>
internal sealed class TemperatureTransform(double temperature) : LogitsTransform
{
    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        var divisor = (float)temperature;
        for (var i = 0; i < logits.Length; i++)
            logits[i] /= divisor;
    }
}

/// <summary>Makes every id seen so far, prompt included, less likely, once however often it occurred.</summary>
/// <remarks>CTRL, arXiv 1909.05858, section 4.1; negative logits are multiplied so that both signs move down.</remarks>
internal sealed class RepetitionPenaltyTransform(double penalty) : LogitsTransform
{
    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        var factor = (float)penalty;
        var seen = new HashSet<int>();
        foreach (var id in ids)
            if (seen.Add(id))
                logits[id] = logits[id] < 0 ? logits[id] * factor : logits[id] / factor;
    }
}

/// <summary>
/// Subtracts from the logit of an id that the answer holds already: once (<c>presence_penalty</c>), and for each time
/// (<c>frequency_penalty</c>). Ids of the prompt are not counted.
/// </summary>
/// <remarks>
/// OpenAI's definition: mu[j] - c[j] * frequency - (c[j] > 0) * presence, with c[j] how often j was sampled before.
/// </remarks>
internal sealed class OccurrencePenaltyTransform(double presence, double frequency) : LogitsTransform
{
    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        var seen = new HashSet<int>();
        foreach (var id in ids[promptLength..])
            logits[id] -= (float)(seen.Add(id) ? presence + frequency : frequency);
    }
}

/// <summary>Forbids ids that would repeat a sequence of n tokens (<c>no_repeat_ngram_size</c>).</summary>
internal sealed class NoRepeatNgramTransform(int size) : LogitsTransform
{
    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        if (ids.Length < size)
            return;
        var recent = ids[(ids.Length - (size - 1))..];
        for (var start = 0; start + size <= ids.Length; start++)
            if (ids.Slice(start, size - 1).SequenceEqual(recent))
                logits[ids[start + size - 1]] = float.NegativeInfinity;
    }
}

/// <summary>
/// Forbids the last id of each sequence when the ids before it are already there (<c>bad_words_ids</c>).
/// </summary>
internal sealed class BadWordsTransform(IReadOnlyList<IReadOnlyList<int>> words) : LogitsTransform
{
    private readonly int[][] _words = [.. words.Select(word => word.ToArray())];

    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        foreach (var word in _words)
            if (ids.EndsWith(word.AsSpan(0, word.Length - 1)))
                logits[word[^1]] = float.NegativeInfinity;
    }
}

/// <summary>Forbids the end tokens until enough tokens were added (<c>min_new_tokens</c>).</summary>
internal sealed class MinNewTokensTransform(int count, IReadOnlyList<int> endTokens) : LogitsTransform
{
    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        if (ids.Length - promptLength >= count)
            return;
        foreach (var id in endTokens)
            logits[id] = float.NegativeInfinity;
    }
}

/// <summary>Forbids ids altogether (<c>suppress_tokens</c>).</summary>
internal sealed class SuppressTokensTransform(IReadOnlyList<int> tokens) : LogitsTransform
{
    public override void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        foreach (var id in tokens)
            logits[id] = float.NegativeInfinity;
    }
}
