using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Checkpoints.Families;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints;

/// <summary>The metadata that describes a model's shape, under the keys of its architecture.</summary>
/// <remarks>Reference: <c>set_gguf_parameters</c> of convert_hf_to_gguf.py.</remarks>
internal static class GgufArchitecture
{
    /// <summary>Key, behind the architecture's name, of a factor on the one that YaRN has by itself.</summary>
    public const string AttentionFactor = "rope.scaling.attn_factor";

    /// <summary>The architecture's name: Mistral is a llama.</summary>
    /// <exception cref="CheckpointException">GGUF has no form for the family.</exception>
    public static string NameOf(ModelConfig config) =>
        ModelFamilies.Of(config).GgufArchitecture ?? throw new CheckpointException(
            $"A model of the type '{config.ModelType}' has no form in GGUF here. The model can still be used here, " +
            "from its folder.");

    /// <summary>Refuses a model that llama.cpp would compute otherwise.</summary>
    /// <exception cref="CheckpointException">It would; the message says what.</exception>
    public static void RequireExact(ModelConfig config)
    {
        var name = NameOf(config);
        if (ModelFamilies.Of(config).WhyNotInGguf(config) is { } reason)
        {
            throw new CheckpointException(
                $"llama.cpp {reason}, and this model of the architecture '{name}' does not. A model that it computes " +
                "as it is computed here was expected. The model can still be used here, from its folder.");
        }
    }

    /// <summary>Describes a model.</summary>
    /// <exception cref="CheckpointException">llama.cpp would compute something else.</exception>
    public static IEnumerable<KeyValuePair<string, GgufValue>> Describe(ModelConfig config)
    {
        var name = NameOf(config);
        KeyValuePair<string, GgufValue> Pair(string key, GgufValue value) => new($"{name}.{key}", value);
        yield return Pair("block_count", (uint)config.LayerCount);
        yield return Pair("context_length", (uint)config.MaxPositions);
        yield return Pair("embedding_length", (uint)config.HiddenSize);
        yield return Pair("feed_forward_length", (uint)config.IntermediateSize);
        yield return Pair("attention.head_count", (uint)config.HeadCount);
        yield return Pair("attention.head_count_kv", (uint)config.KeyValueHeadCount);
        foreach (var pair in DescribeRope(config))
            yield return Pair(pair.Key, pair.Value);
        yield return Pair("attention.layer_norm_rms_epsilon", (float)config.NormEpsilon);
        if (config.Source["head_dim"] is not null || config.HeadSize * config.HeadCount != config.HiddenSize)
        {
            yield return Pair("attention.key_length", (uint)config.HeadSize);
            yield return Pair("attention.value_length", (uint)config.HeadSize);
        }

        if (config.SlidingWindow is { } window)
            yield return Pair("attention.sliding_window", (uint)window);
        yield return Pair("vocab_size", (uint)config.VocabularySize);
        if (ModelFamilies.Of(config).RotatesNeighboursInGguf || config.RotarySize != config.HeadSize)
            yield return Pair("rope.dimension_count", (uint)config.RotarySize);
        foreach (var pair in ModelFamilies.Of(config).GgufMetadata(config))
            yield return Pair(pair.Key, pair.Value);
    }

    /// <summary>What llama.cpp will do otherwise, if anything.</summary>
    public static IEnumerable<string> Differences(ModelConfig config)
    {
        if (config.SlidingWindow is { } window)
        {
            yield return $"llama.cpp ignores the sliding window of {window} tokens in this architecture: longer " +
                "texts are continued differently.";
        }

        if (config.Rope.Scaling == RopeScaling.Dynamic)
        {
            yield return "GGUF has no dynamic rotary scaling: texts longer than " +
                $"{config.Rope.OriginalMaxPositions} tokens are continued differently.";
        }

        if (config.Rope.Scaling == RopeScaling.LongRope)
        {
            yield return "llama.cpp chooses the rotary factors of short or long texts by the size of its context " +
                $"({config.Rope.OriginalMaxPositions} tokens or more), not by the length of a text.";
        }

        if (NameOf(config) is not (GgufConfig.Llama or "granite")
            && (config.AttentionOutputBias || config.FeedForwardBias))
            yield return "llama.cpp may not read the biases of output and feed-forward projections in this " +
                "architecture.";
    }

    /// <summary>What llama.cpp multiplies cos and sin by in YaRN, times <see cref="AttentionFactor"/>.</summary>
    public static double YarnFactor(double factor) => 1 + 0.1 * Math.Log(factor);

    private static IEnumerable<KeyValuePair<string, GgufValue>> DescribeRope(ModelConfig config)
    {
        var rope = config.Rope;
        if (rope.Scaling is RopeScaling.Linear or RopeScaling.Yarn)
        {
            yield return new("rope.scaling.type", rope.Scaling == RopeScaling.Linear ? "linear" : "yarn");
            yield return new("rope.scaling.factor", (float)rope.Factor);
        }

        if (rope.Scaling == RopeScaling.Yarn)
        {
            if (!rope.Truncate)
            {
                throw new CheckpointException(
                    "The yarn scaling has truncate false, which GGUF cannot say. Expected true, as llama.cpp " +
                    "computes it. The model can still be used here, from its folder.");
            }

            if (rope.BetaFast != 32 || rope.BetaSlow != 1)
            {
                throw new CheckpointException(
                    $"The yarn scaling has beta_fast {rope.BetaFast} and beta_slow {rope.BetaSlow}, which llama.cpp " +
                    "does not read in this architecture. Expected 32 and 1, as it computes it. The model can still " +
                    "be used here, from its folder.");
            }

            yield return new("rope.scaling.original_context_length", (uint)rope.OriginalMaxPositions);
            if (rope.CosineFactor != YarnFactor(rope.Factor))
                yield return new(AttentionFactor, (float)(rope.CosineFactor / YarnFactor(rope.Factor)));
        }

        yield return new("rope.freq_base", (float)rope.Theta);
    }
}
