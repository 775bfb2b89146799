using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>
/// New tokens of several sequences, each attending to itself and to those of its sequence before it, which a
/// <see cref="PagedCache"/> holds.
/// </summary>
internal sealed class PagedAttention : AttentionPattern, IDisposable
{
    private readonly PagedCache _cache;
    private readonly ModelConfig _config;
    private readonly Part[][] _parts; // for each window that a layer has, one a sequence
    private readonly int?[] _windows;
    private readonly Tensor _blocks, _offsets; // where each token goes, int64 [tokens]

    /// <param name="cache">Its blocks are written and read.</param>
    /// <param name="sequences">Their tokens lie end to end.</param>
    /// <param name="config">The model's shape, which says how far each layer sees.</param>
    /// <param name="device">The model's.</param>
    public PagedAttention(
        PagedCache cache, IReadOnlyList<StepSequence> sequences, ModelConfig config, Device device)
    {
        (_cache, _config) = (cache, config);
        var places = sequences.SelectMany(sequence => Enumerable.Range(sequence.Start, sequence.Ids.Length)
            .Select(at => (Block: sequence.Blocks[at / PagedCache.BlockTokens], Offset: at % PagedCache.BlockTokens)))
            .ToArray();
        _blocks = Index(places.Select(place => place.Block), device).DetachFromDisposeScope();
        _offsets = Index(places.Select(place => place.Offset), device).DetachFromDisposeScope();
        _windows = [.. Enumerable.Range(0, config.LayerCount).Select(layer => config.Layer(layer).Window).Distinct()];
        _parts = [.. _windows.Select(window => Parts(sequences, window, AttentionRule.Of(config), device))];
    }

    public override Tensor Attend(int layer, Tensor query, Tensor key, Tensor value)
    {
        var (keys, values) = _cache.Layer(layer); // [blocks, keyValueHeads, BlockTokens, headSize] each
        TensorIndex[] places = [TensorIndex.Tensor(_blocks), TensorIndex.Colon, TensorIndex.Tensor(_offsets)];
        keys.index_put_(key.to_type(keys.dtype), places);
        values.index_put_(value.to_type(values.dtype), places);

        var parts = _parts[Array.IndexOf(_windows, _config.Layer(layer).Window)];
        var attended = new Tensor[parts.Length];
        for (var i = 0; i < parts.Length; i++)
            attended[i] = parts[i].Attend(query, keys, values);
        return cat(attended, 0); // [tokens, heads · headSize]
    }

    public void Dispose()
    {
        _blocks.Dispose();
        _offsets.Dispose();
        foreach (var part in _parts.SelectMany(parts => parts))
            part.Dispose();
    }

    private static Part[] Parts(
        IReadOnlyList<StepSequence> sequences, int? window, AttentionRule rule, Device device)
    {
        var (first, parts) = (0, new Part[sequences.Count]);
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = new Part(sequences[i], first, window, rule, device);
            first += sequences[i].Ids.Length;
        }

        return parts;
    }

    private static Tensor Index(IEnumerable<int> values, Device device) =>
        tensor(values.Select(value => (long)value).ToArray(), device: device);

    /// <summary>The tokens of one sequence.</summary>
    private sealed class Part : IDisposable
    {
        private readonly AttentionRule _rule;
        private readonly int _first, _count;
        // positions of the gathered blocks that nobody sees, and that somebody does
        private readonly int _skipped, _seen;
        private readonly Tensor _blocks; // those that hold what is seen, int64
        private readonly Tensor? _visible; // bool [count, seen]; null where all is

        public Part(StepSequence sequence, int first, int? window, AttentionRule rule, Device device)
        {
            (_rule, _first, _count) = (rule, first, sequence.Ids.Length);
            var oldest = window is { } tokens ? Math.Max(0, sequence.Start + 1 - tokens) : 0;
            var firstBlock = oldest / PagedCache.BlockTokens;
            _skipped = oldest % PagedCache.BlockTokens;
            _seen = sequence.Length - oldest;
            _blocks = Index(sequence.Blocks.Take(PagedCache.BlocksOf(sequence.Length)).Skip(firstBlock), device)
                .DetachFromDisposeScope();
            if (_count == 1)
                return;
            using var scope = NewDisposeScope();
            var own = Index(Enumerable.Range(sequence.Start, _count), device).unsqueeze(1); // [count, 1]
            var other = Index(Enumerable.Range(oldest, _seen), device).unsqueeze(0); // [1, seen]
            var visible = other.le(own);
            if (window is { } reach)
                visible = visible.logical_and(other.gt(own.Minus(reach)));
            _visible = visible.MoveToOuterDisposeScope().DetachFromDisposeScope();
        }

        /// <summary>[count, heads · headSize] of all tokens' queries, [tokens, heads, headSize].</summary>
        public Tensor Attend(Tensor query, Tensor keys, Tensor values)
        {
            var (heads, headSize) = (query.shape[1], query.shape[2]);
            var own = query.narrow(0, _first, _count);
            var (key, value) = (Gather(keys, own.dtype), Gather(values, own.dtype)); // [keyValueHeads, seen, headSize]
            var shared = key.shape[0];
            var group = heads / shared; // query heads that share a key head

            // [keyValueHeads, group · count, headSize]: the query heads of one key head are queries of one call.
            var queries = own.view(_count, shared, group, headSize).permute(1, 2, 0, 3)
                .reshape(shared, group * _count, headSize);
            var visible = _visible?.unsqueeze(0).expand(group, _count, _seen).reshape(group * _count, _seen);
            return _rule.Attend(queries, key, value, visible)
                .view(shared, group, _count, headSize).permute(2, 0, 1, 3).reshape(_count, heads * headSize);
        }

        public void Dispose()
        {
            _blocks.Dispose();
            _visible?.Dispose();
        }

        private Tensor Gather(Tensor blocks, ScalarType type) =>
            blocks.index_select(0, _blocks).transpose(0, 1) // [keyValueHeads, blocks, BlockTokens, headSize]
                .reshape(blocks.shape[1], -1, blocks.shape[3]).narrow(1, _skipped, _seen).to_type(type);
    }
}
