namespace Lorikeet.Models.Generation;

/// <summary>The transforms that the options ask for, in the order transformers applies them.</summary>
/// <remarks>
/// Reference: <c>GenerationMixin._get_logits_processor</c> in transformers <c>generation/utils.py</c>; the penalties
/// of OpenAI, which it lacks, stand where vLLM has them, after <c>repetition_penalty</c>.
/// </remarks>
internal sealed class LogitsPipeline
{
    private readonly List<LogitsTransform> _transforms = [];

    /// <summary>Builds the pipeline.</summary>
    /// <param name="options">Validated options.</param>
    /// <param name="vocabulary">Logits in a row; ids at or above it in the options are an error.</param>
    public LogitsPipeline(GenerationOptions options, int vocabulary)
    {
        RequestCheck.RequireIds(options, vocabulary);

        // transformers never forbids the end of the text as a bad word, else nothing could end.
        var badWords = options.BadWords
            .Where(word => word.Count > 1 || !options.EndTokens.Contains(word[0])).ToList();

        Add(options.RepetitionPenalty != 1, () => new RepetitionPenaltyTransform(options.RepetitionPenalty));
        Add(options.PresencePenalty != 0 || options.FrequencyPenalty != 0,
            () => new OccurrencePenaltyTransform(options.PresencePenalty, options.FrequencyPenalty));
        Add(options.NoRepeatNgramSize > 0, () => new NoRepeatNgramTransform(options.NoRepeatNgramSize));
        Add(badWords.Count > 0, () => new BadWordsTransform(badWords));
        Add(options.MinNewTokens > 0, () => new MinNewTokensTransform(options.MinNewTokens, options.EndTokens));
        Add(options.SuppressedTokens.Count > 0, () => new SuppressTokensTransform(options.SuppressedTokens));
        if (!options.Draws)
            return;

        Add(options.Temperature != 1, () => new TemperatureTransform(options.Temperature));
        Add(options.TopK > 0, () => new TopKTransform(options.TopK));
        Add(options.TopP < 1, () => new TopPTransform(options.TopP));
        Add(options.MinP > 0, () => new MinPTransform(options.MinP));
        Add(options.TypicalP < 1, () => new TypicalTransform(options.TypicalP));
    }

    /// <summary>Whether the logits stay as the model gave them.</summary>
    public bool IsEmpty => _transforms.Count == 0;

    /// <summary>Whether they are at most divided by the temperature.</summary>
    public bool OnlyDivides => _transforms.TrueForAll(transform => transform is TemperatureTransform);

    /// <summary>Applies every transform to one row, in place.</summary>
    public void Apply(ReadOnlySpan<int> ids, int promptLength, Span<float> logits)
    {
        foreach (var transform in _transforms)
            transform.Apply(ids, promptLength, logits);
    }

    private void Add(bool wanted, Func<LogitsTransform> create)
    {
        if (wanted)
            _transforms.Add(create());
    }
}
