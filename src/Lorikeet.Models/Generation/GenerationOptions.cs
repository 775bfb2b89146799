using System.Globalization;
using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Generation;

/// <summary>How text is continued. Names and defaults are those of transformers, except the length.</summary>
/// <remarks>Reference: transformers <c>generation/configuration_utils.py</c>.</remarks>
public sealed record GenerationOptions
{
    /// <summary>Tokens added when neither limit is given: a full answer, yet never a runaway.</summary>
    public const int DefaultMaxNewTokens = 256;

    /// <summary>More than any model's positions; what is larger is a slip.</summary>
    internal const int MostNewTokens = 1 << 24;

    /// <summary>Largest bias of a logit, and least below 0; that of OpenAI.</summary>
    internal const double MostBias = 100;

    /// <summary>Each beam is a row of the batch.</summary>
    internal const int MostBeams = 1024;

    /// <summary>Largest presence and frequency penalty, and least below 0; that of OpenAI.</summary>
    internal const double MostPenalty = 2;

    /// <summary>
    /// Least by which logits may be divided or multiplied: in single precision less would make them infinite.
    /// </summary>
    public const double LeastFactor = 1e-6;

    /// <summary>Most by which they may be.</summary>
    public const double MostFactor = 1e6;

    /// <summary>Most tokens to add to a prompt; overrides max_length.</summary>
    /// <value>Not set: as max_length says, else 256.</value>
    [Option("max_new_tokens", "max_tokens", Minimum = 1, Maximum = MostNewTokens)]
    public int? MaxNewTokens { get; init; }

    /// <summary>Most tokens of prompt and answer together.</summary>
    /// <value>Not set: 256 after the prompt, a full answer, yet never a runaway.</value>
    [Option("max_length", Minimum = 1, Maximum = MostNewTokens, Apart = "prompt and answer count, not a row of data")]
    public int? MaxLength { get; init; }

    /// <summary>Tokens to add before an end token may be chosen.</summary>
    /// <value>0. None: the model may stop at once.</value>
    [Option("min_new_tokens", Minimum = 0, Maximum = MostNewTokens)]
    public int MinNewTokens { get; init; }

    /// <summary>Draw tokens at random; otherwise the most likely one is taken.</summary>
    /// <value>Off: the same question gets the same answer. Setting a sampling option switches it on.</value>
    [Option("do_sample", "sample")]
    public bool Sample { get; init; }

    /// <summary>Divides the logits before sampling; below 1 sharpens, and 0 takes the most likely token.</summary>
    /// <value>1: the model's own probabilities.</value>
    [Option("temperature", Minimum = 0)]
    public double Temperature { get; init; } = 1;

    /// <summary>Draw among the k most likely tokens only; 0 means all.</summary>
    /// <value>50. The default of transformers.</value>
    [Option("top_k", Minimum = 0)]
    public int TopK { get; init; } = 50;

    /// <summary>Draw among the fewest tokens whose probabilities reach this sum (arXiv 1904.09751).</summary>
    /// <value>1: all.</value>
    [Option("top_p", Minimum = 0, Maximum = 1)]
    public double TopP { get; init; } = 1;

    /// <summary>Draw among tokens at least this share as likely as the likeliest (arXiv 2407.01082).</summary>
    /// <value>0: all.</value>
    [Option("min_p", Minimum = 0, Maximum = 1)]
    public double MinP { get; init; }

    /// <summary>Draw among tokens of typical information content, up to this mass (arXiv 2202.00666).</summary>
    /// <value>1: all.</value>
    [Option("typical_p", Above = 0, Maximum = 1)]
    public double TypicalP { get; init; } = 1;

    /// <summary>Makes tokens already in prompt or answer less likely when above 1 (arXiv 1909.05858).</summary>
    /// <value>1: off.</value>
    [Option("repetition_penalty", Above = 0)]
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Subtracted from the logit of every token that the answer holds already, as OpenAI defines it.</summary>
    /// <value>0: off. Below 0 favours tokens that came before.</value>
    [Option("presence_penalty", Minimum = -MostPenalty, Maximum = MostPenalty)]
    public double PresencePenalty { get; init; }

    /// <summary>The same, for each time that the answer holds the token.</summary>
    /// <value>0: off.</value>
    [Option("frequency_penalty", Minimum = -MostPenalty, Maximum = MostPenalty)]
    public double FrequencyPenalty { get; init; }

    /// <summary>No sequence of this many tokens may occur twice; 0 means no such rule.</summary>
    /// <value>0: off.</value>
    [Option("no_repeat_ngram_size", Minimum = 0)]
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Ids that are never chosen.</summary>
    /// <value>None.</value>
    [Option("suppress_tokens", Placeholder = "ID")]
    public IReadOnlyList<int> SuppressedTokens { get; init; } = [];

    /// <summary>Added to the logits of ids before anything else changes them, such as <c>5=-100</c>.</summary>
    /// <value>None.</value>
    [Option("logit_bias", Placeholder = "ID=NUMBER")]
    public IReadOnlyDictionary<string, double> LogitBias { get; init; } = new Dictionary<string, double>();

    /// <summary>Sequences of ids that are never completed (<c>bad_words_ids</c>).</summary>
    public IReadOnlyList<IReadOnlyList<int>> BadWords { get; init; } = [];

    /// <summary>Sequences kept at each step of a beam search.</summary>
    /// <value>1: no search.</value>
    [Option("num_beams", "beams", Minimum = 1, Maximum = MostBeams)]
    public int Beams { get; init; } = 1;

    /// <summary>Exponent of the length by which a beam's score is divided; above 0 favours long ones.</summary>
    /// <value>1: the mean log-probability decides.</value>
    [Option("length_penalty")]
    public double LengthPenalty { get; init; } = 1;

    /// <summary>When a beam search ends.</summary>
    /// <value>false: when no running sequence promises more at its present length.</value>
    [Option("early_stopping")]
    public EarlyStopping EarlyStopping { get; init; }

    /// <summary>Ids that end a sequence; the end token is part of the ids, not of the text.</summary>
    /// <value>None here; a model folder brings its own.</value>
    [Option("eos_token_id", Placeholder = "ID")]
    public IReadOnlyList<int> EndTokens { get; init; } = [];

    /// <summary>Texts that end a sequence wherever they appear in the answer; they are cut from the text.</summary>
    /// <value>None.</value>
    [Option("stop_strings", "stop_string", "stop", Verbatim = true, Placeholder = "TEXT")]
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>JSON schema that the answer satisfies: the schema itself, or a file that holds it.</summary>
    /// <value>None: the answer may be any text.</value>
    [Option("json_schema", "guided_json", Verbatim = true, Placeholder = "FILE|TEXT")]
    public string? JsonSchema { get; init; }

    /// <summary>Regular expression that the answer matches as a whole.</summary>
    /// <value>None: the answer may be any text.</value>
    [Option("regex", "guided_regex", Verbatim = true, Placeholder = "TEXT")]
    public string? Regex { get; init; }

    /// <summary>
    /// Seed of sampling: the same seed, prompt and options give the same text, wherever a row stands in a file. A
    /// prompt that is repeated is sampled anew each time.
    /// </summary>
    /// <value>42. As for training; every value, 0 included, is reproducible.</value>
    [Option("seed", Minimum = 0)]
    public long Seed { get; init; } = 42;

    /// <summary>Decode with fused kernels; false: with the slower reference.</summary>
    /// <value>On; what they do not cover runs on the reference.</value>
    [Option("optimized")]
    public bool Optimized { get; init; } = true;

    /// <summary>
    /// Whether tokens are sampled: asked for, and the temperature is not 0, which means the most likely one everywhere.
    /// </summary>
    public bool Draws => Sample && Temperature > 0;

    /// <summary>
    /// Most tokens to add to a prompt of this many tokens; 0 when the prompt fills the length already.
    /// </summary>
    public int NewTokensAfter(int promptLength) =>
        MaxNewTokens ?? (MaxLength is { } length ? Math.Max(length - promptLength, 0) : DefaultMaxNewTokens);

    /// <summary>Checks ranges, naming options as users write them.</summary>
    /// <exception cref="ConfigurationException">An option is out of range, or two contradict each other.</exception>
    public void Validate()
    {
        Require(MaxNewTokens is null or >= 1 and <= MostNewTokens, "max_new_tokens", MaxNewTokens,
            $"from 1 to {MostNewTokens}");
        Require(MaxLength is null or >= 1 and <= MostNewTokens, "max_length", MaxLength, $"from 1 to {MostNewTokens}");
        Require(MinNewTokens is >= 0 and <= MostNewTokens, "min_new_tokens", MinNewTokens,
            $"from 0 to {MostNewTokens}");
        Require(Temperature is 0 or >= LeastFactor and <= MostFactor, "temperature", Temperature,
            $"0 (the most likely token every time) or more: from {LeastFactor} to {MostFactor}");
        Require(TopK >= 0, "top_k", TopK, "0 (off) or more");
        Require(TopP is >= 0 and <= 1, "top_p", TopP, "between 0 and 1");
        Require(MinP is >= 0 and <= 1, "min_p", MinP, "between 0 and 1");
        Require(TypicalP is > 0 and <= 1, "typical_p", TypicalP, "above 0 and at most 1");
        Require(RepetitionPenalty is >= LeastFactor and <= MostFactor, "repetition_penalty", RepetitionPenalty,
            $"above 0: from {LeastFactor} to {MostFactor}; 1 is off");
        Require(PresencePenalty is >= -MostPenalty and <= MostPenalty, "presence_penalty", PresencePenalty,
            $"between -{MostPenalty} and {MostPenalty}; 0 is off");
        Require(FrequencyPenalty is >= -MostPenalty and <= MostPenalty, "frequency_penalty", FrequencyPenalty,
            $"between -{MostPenalty} and {MostPenalty}; 0 is off");
        Require(NoRepeatNgramSize >= 0, "no_repeat_ngram_size", NoRepeatNgramSize, "0 (off) or more");
        Require(Beams is >= 1 and <= MostBeams, "num_beams", Beams, $"from 1 to {MostBeams}");
        Require(StopStrings.All(text => text.Length > 0), "stop_strings", "''", "texts of one character or more");
        Require(BadWords.All(word => word.Count > 0), "bad_words_ids", "[]", "lists of one id or more");
        RequireIds("eos_token_id (stop_token_ids)", EndTokens);
        RequireIds("suppress_tokens", SuppressedTokens);
        foreach (var (id, amount) in LogitBias)
            Require(
                IsId(id) && Math.Abs(amount) <= MostBias, "logit_bias", $"{id}={amount}",
                $"ids of tokens, each with a number from -{MostBias} to {MostBias}");
        if (Beams > 1 && LogitBias.Count > 0)
            throw new ConfigurationException(
                $"num_beams is {Beams}, and logit_bias is given. A search goes by the model's own probabilities: use "
                + "num_beams 1.");
        if (JsonSchema is not null && Regex is not null)
            throw new ConfigurationException(
                "json_schema and regex are both given. An answer is of one form: leave one of them out.");
        if (Beams > 1 && (JsonSchema ?? Regex) is not null)
            throw new ConfigurationException(
                $"num_beams is {Beams}, and the answer is to be of a form (json_schema, regex). Forms are kept token "
                + "by token: use num_beams 1.");
        if (Beams > 1 && Draws)
            throw new ConfigurationException(
                $"num_beams is {Beams} and do_sample is true. Beam search here is exact search, not sampling. "
                + "Use num_beams 1 to sample, or do_sample false to search.");
    }

    /// <summary><see cref="LogitBias"/> by ids; null where there is none.</summary>
    internal Dictionary<int, float>? BiasOfIds() => LogitBias.Count == 0 ? null : LogitBias.ToDictionary(
        pair => int.Parse(pair.Key, CultureInfo.InvariantCulture), pair => (float)pair.Value);

    private static bool IsId(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static void RequireIds(string name, IReadOnlyList<int> ids) =>
        Require(ids.All(id => id >= 0), name, string.Join(", ", ids), "ids of tokens, 0 or more");

    private static void Require(bool holds, string name, object? value, string expected)
    {
        if (!holds)
            throw new ConfigurationException($"{name} is {value}. It must be {expected}.");
    }
}

/// <summary>When beam search stops looking for better sequences.</summary>
public enum EarlyStopping
{
    /// <summary>When no running beam can beat the worst finished one at the present length.</summary>
    [WireName("false")] Heuristic,

    /// <summary>As soon as as many sequences have finished as there are beams.</summary>
    [WireName("true")] WhenFull,

    /// <summary>When no running beam can ever beat the worst finished one.</summary>
    [WireName("never")] Never,
}
