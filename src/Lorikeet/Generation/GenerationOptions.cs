namespace Lorikeet.Generation;

/// <summary>When beam search stops looking for better sequences (transformers' <c>early_stopping</c>).</summary>
public enum EarlyStopping
{
    /// <summary>When no running beam can beat the worst finished one at the present length (<c>false</c>).</summary>
    Heuristic,

    /// <summary>As soon as <see cref="GenerationOptions.Beams"/> sequences have finished (<c>true</c>).</summary>
    WhenFull,

    /// <summary>When no running beam can ever beat the worst finished one (<c>"never"</c>).</summary>
    Never,
}

/// <summary>How text is continued. The defaults are those of transformers, except the length.</summary>
/// <remarks>Reference: transformers <c>generation/configuration_utils.py</c>.</remarks>
public sealed record GenerationOptions
{
    /// <summary>Tokens added when neither limit is given: a full answer, yet never a runaway.</summary>
    public const int DefaultMaxNewTokens = 256;

    /// <summary>Most tokens to add to a prompt; goes before <see cref="MaxLength"/>. Default: as that one says.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Most tokens of prompt and answer together. Default: <see cref="DefaultMaxNewTokens"/> after the prompt.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Tokens to add before an end token may be chosen. Default 0.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>Whether to draw tokens at random; otherwise the most likely one is taken. Default false.</summary>
    public bool Sample { get; init; }

    /// <summary>Divides the logits before drawing; below 1 sharpens. Default 1.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Draw among the k most likely tokens only; 0 means all. Default 50.</summary>
    public int TopK { get; init; } = 50;

    /// <summary>Draw among the fewest tokens whose probabilities reach this sum. Default 1: all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Draw among tokens at least this share as likely as the likeliest. Default 0: all.</summary>
    public double MinP { get; init; }

    /// <summary>Draw among tokens of typical information content, up to this mass (arXiv 2202.00666). Default 1: all.</summary>
    public double TypicalP { get; init; } = 1;

    /// <summary>Makes tokens already in prompt or answer less likely when above 1 (arXiv 1909.05858). Default 1.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>No sequence of this many tokens may occur twice; 0 means no such rule. Default 0.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Ids that are never chosen.</summary>
    public IReadOnlyList<int> SuppressedTokens { get; init; } = [];

    /// <summary>Sequences of ids that are never completed (<c>bad_words_ids</c>).</summary>
    public IReadOnlyList<IReadOnlyList<int>> BadWords { get; init; } = [];

    /// <summary>Sequences kept at each step of a beam search; 1 means no search. Default 1.</summary>
    public int Beams { get; init; } = 1;

    /// <summary>Exponent of the length by which a beam's score is divided; above 0 favours long ones. Default 1.</summary>
    public double LengthPenalty { get; init; } = 1;

    /// <summary>When a beam search ends. Default <see cref="EarlyStopping.Heuristic"/>.</summary>
    public EarlyStopping EarlyStopping { get; init; }

    /// <summary>Ids that end a sequence; the end token is part of the ids, not of the text.</summary>
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>Texts that end a sequence wherever they appear in the answer; they are cut from the text.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Seed of the draws: the same seed, prompt and options give the same text. Default 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Most tokens to add to a prompt of this many tokens; 0 when the prompt fills the length already.</summary>
    public int NewTokensAfter(int promptLength) =>
        MaxNewTokens ?? (MaxLength is { } length ? Math.Max(length - promptLength, 0) : DefaultMaxNewTokens);

    /// <summary>Checks ranges, naming options as users write them.</summary>
    /// <exception cref="ConfigurationException">An option is out of range.</exception>
    public void Validate()
    {
        Require(MaxNewTokens is null or >= 1, "max_new_tokens", MaxNewTokens, "at least 1");
        Require(MaxLength is null or >= 1, "max_length", MaxLength, "at least 1");
        Require(MinNewTokens >= 0, "min_new_tokens", MinNewTokens, "0 or more");
        Require(Temperature > 0 && double.IsFinite(Temperature), "temperature", Temperature,
            "above 0; for the most likely token every time use do_sample false");
        Require(TopK >= 0, "top_k", TopK, "0 (off) or more");
        Require(TopP is >= 0 and <= 1, "top_p", TopP, "between 0 and 1");
        Require(MinP is >= 0 and <= 1, "min_p", MinP, "between 0 and 1");
        Require(TypicalP is > 0 and <= 1, "typical_p", TypicalP, "above 0 and at most 1");
        Require(RepetitionPenalty > 0, "repetition_penalty", RepetitionPenalty, "above 0; 1 is off");
        Require(NoRepeatNgramSize >= 0, "no_repeat_ngram_size", NoRepeatNgramSize, "0 (off) or more");
        Require(Beams >= 1, "num_beams", Beams, "at least 1");
        Require(StopStrings.All(text => text.Length > 0), "stop_strings", "''", "texts of one character or more");
        Require(BadWords.All(word => word.Count > 0), "bad_words_ids", "[]", "lists of one id or more");
        if (Beams > 1 && Sample)
            throw new ConfigurationException(
                $"num_beams is {Beams} and do_sample is true. Beam search here is exact search, not sampling. "
                + "Use num_beams 1 to sample, or do_sample false to search.");
    }

    private static void Require(bool holds, string name, object? value, string expected)
    {
        if (!holds) throw new ConfigurationException($"{name} is {value}. It must be {expected}.");
    }
}
