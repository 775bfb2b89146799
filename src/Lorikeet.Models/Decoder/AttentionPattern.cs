using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>Who attends to whom in one forward pass.</summary>
internal abstract class AttentionPattern
{
    /// <summary>Attends with rotated queries and keys.</summary>
    /// <param name="layer">The decoder layer.</param>
    /// <param name="query">[tokens, heads, headSize].</param>
    /// <param name="key">[tokens, keyValueHeads, headSize].</param>
    /// <param name="value">[tokens, keyValueHeads, headSize].</param>
    /// <returns>[tokens, heads · headSize].</returns>
    public abstract Tensor Attend(int layer, Tensor query, Tensor key, Tensor value);
}

/// <summary>Causal attention inside each segment; training, scoring and the reading of prompts.</summary>
/// <param name="layout">The segments.</param>
/// <param name="config">The model's shape, which says how far each layer sees.</param>
/// <param name="cache">Keeps keys and values for decoding, when given.</param>
internal sealed class SegmentAttention(SegmentLayout layout, ModelConfig config, KeyValueCache? cache = null)
    : AttentionPattern
{
    private readonly AttentionRule _rule = AttentionRule.Of(config);

    // Above this share of padding, one call per segment costs less than the padded grid.
    private const double MostPadding = 2.0;

    public override Tensor Attend(int layer, Tensor query, Tensor key, Tensor value)
    {
        cache?.Fill(layer, key, value, layout);
        var window = config.Layer(layer).Window;
        var groups = query.shape[1] / key.shape[1]; // query heads that share a key head
        (key, value) = (RepeatHeads(key, groups), RepeatHeads(value, groups)); // [tokens, heads, headSize] each

        var padded = (double)layout.Count * layout.Longest / layout.Tokens;
        if (layout.Uniform)
            // [tokens, heads · headSize]
            return Causal(Grid(query), Grid(key), Grid(value), window).reshape(layout.Tokens, -1);
        if (padded > MostPadding)
            return SegmentBySegment(query, key, value, window);

        // Padding comes after the tokens of a segment, so causality alone hides it.
        var attended = Causal(
            Grid(query.index_select(0, layout.TokenOfSlot)),
            Grid(key.index_select(0, layout.TokenOfSlot)),
            Grid(value.index_select(0, layout.TokenOfSlot)), window); // [segments, longest, heads, headSize]
        var slots = attended.reshape((long)layout.Count * layout.Longest, -1); // [segments · longest, heads · headSize]
        return slots.index_select(0, layout.SlotOfToken); // [tokens, heads · headSize]
    }

    private Tensor SegmentBySegment(Tensor query, Tensor key, Tensor value, int? window)
    {
        var parts = new List<Tensor>(layout.Count);
        for (var segment = 0; segment < layout.Count; segment++)
        {
            var (start, length) = (layout.Starts[segment], layout.Length(segment));
            Tensor Slice(Tensor x) => x.narrow(0, start, length).unsqueeze(0); // [1, length, heads, headSize]
            // [length, heads · headSize]
            parts.Add(Causal(Slice(query), Slice(key), Slice(value), window).reshape(length, -1));
        }

        return cat(parts, 0);
    }

    /// <summary>
    /// softmax(scale · q kᵀ) v, each position over itself and those before it; [segments, longest, heads, headSize] in
    /// and out.
    /// </summary>
    private Tensor Causal(Tensor query, Tensor key, Tensor value, int? window)
    {
        var length = query.shape[1];
        // [segments, heads, longest, headSize]
        (query, key, value) = (query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2));
        if (window is not { } seen || length <= seen)
            return _rule.Attend(query, key, value, null, isCausal: true).transpose(1, 2);

        var all = ones(length, length, ScalarType.Bool, query.device);
        // [longest, longest], true in a band of 'window' columns
        var visible = all.tril().logical_and(all.triu(1 - seen));
        return _rule.Attend(query, key, value, visible).transpose(1, 2);
    }

    /// <summary>[segments · longest, heads, headSize] as [segments, longest, heads, headSize].</summary>
    private Tensor Grid(Tensor x) => x.view(layout.Count, layout.Longest, x.shape[1], x.shape[2]);

    /// <summary>Grouped-query attention: [tokens, keyValueHeads, headSize] as [tokens, heads, headSize].</summary>
    private static Tensor RepeatHeads(Tensor x, long groups) =>
        groups == 1 ? x
        : x.unsqueeze(2).expand(x.shape[0], x.shape[1], groups, x.shape[2])
            .reshape(x.shape[0], x.shape[1] * groups, x.shape[2]);
}

/// <summary>One new token per row, attending to what the cache holds.</summary>
/// <param name="cache">Keys and values of the tokens before.</param>
/// <param name="config">The model's shape, which says how far each layer sees.</param>
internal sealed class CachedAttention(KeyValueCache cache, ModelConfig config) : AttentionPattern
{
    private readonly AttentionRule _rule = AttentionRule.Of(config);

    public override Tensor Attend(int layer, Tensor query, Tensor key, Tensor value)
    {
        var window = config.Layer(layer).Window;
        cache.Append(layer, key, value);
        var (keys, values) = cache.Read(layer, window); // [rows, keyValueHeads, seen, headSize]

        // The query heads of one key head become the queries of one attention call: no key is copied.
        var (rows, heads, headSize) = (query.shape[0], query.shape[1], query.shape[2]);
        // [rows, keyValueHeads, group, headSize]
        var grouped = query.view(rows, keys.shape[1], heads / keys.shape[1], headSize);
        return _rule.Attend(grouped, keys, values, cache.Visible(window)).reshape(rows, heads * headSize);
    }
}
