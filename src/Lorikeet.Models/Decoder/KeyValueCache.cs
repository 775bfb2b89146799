using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// Keys and values of the tokens read so far, preallocated. Rows end at the same slot: shorter prompts begin later, so
/// one index says where the next token goes.
/// </summary>
public sealed class KeyValueCache : IDisposable
{
    private readonly Tensor[] _keys; // per layer [rows, keyValueHeads, capacity, headSize]
    private readonly Tensor[] _values; // the same
    private readonly ModelConfig _config;
    private Tensor? _visible; // bool [rows, 1, 1, capacity]: false before a row begins
    private bool _ragged;

    internal KeyValueCache(ModelConfig config, int rows, int capacity, ScalarType type, Device device)
    {
        _config = config;
        Rows = rows;
        Capacity = capacity;
        _keys = new Tensor[config.LayerCount];
        _values = new Tensor[config.LayerCount];
        for (var layer = 0; layer < config.LayerCount; layer++)
        {
            _keys[layer] = Allocate();
            _values[layer] = Allocate();
        }

        Tensor Allocate() => zeros([rows, config.KeyValueHeadCount, capacity, config.HeadSize], type, device)
            .DetachFromDisposeScope();
    }

    /// <summary>Rows of the batch: one sequence each.</summary>
    public int Rows { get; private set; }

    /// <summary>Tokens that a row has room for.</summary>
    public int Capacity { get; }

    /// <summary>Slots in use; the longest row has as many tokens.</summary>
    public int Length { get; private set; }

    /// <summary>Slot at which each row begins.</summary>
    internal int[] Begins { get; private set; } = [];

    /// <summary>Position of the next token of each row.</summary>
    internal long[] NextPositions() => [.. Begins.Select(begin => (long)(Length - begin))];

    /// <summary>Starts anew with prompts laid out as segments.</summary>
    internal void Begin(SegmentLayout layout)
    {
        if (layout.Count != Rows)
            throw new ArgumentException($"{layout.Count} prompts for {Rows} rows.", nameof(layout));
        if (layout.Longest > Capacity)
            throw new ArgumentException(
                $"A prompt of {layout.Longest} tokens does not fit {Capacity} slots.", nameof(layout));
        Length = layout.Longest;
        Begins = [.. Enumerable.Range(0, Rows).Select(row => layout.Longest - layout.Length(row))];
        MarkVisible();
    }

    /// <summary>Stores the keys and values of whole prompts, [tokens, keyValueHeads, headSize].</summary>
    internal void Fill(int layer, Tensor key, Tensor value, SegmentLayout layout)
    {
        for (var row = 0; row < Rows; row++)
        {
            var (start, length) = (layout.Starts[row], layout.Length(row));
            Slot(_keys[layer], row, length).copy_(key.narrow(0, start, length).transpose(0, 1));
            Slot(_values[layer], row, length).copy_(value.narrow(0, start, length).transpose(0, 1));
        }

        // [keyValueHeads, length, headSize]
        Tensor Slot(Tensor cache, int row, int length) => cache[row].narrow(1, Begins[row], length);
    }

    /// <summary>Makes room for one more token per row.</summary>
    internal void Advance()
    {
        if (Length == Capacity)
            throw new InvalidOperationException($"The cache of {Capacity} slots is full.");
        Length++;
    }

    /// <summary>Stores one new token per row, [rows, keyValueHeads, headSize].</summary>
    internal void Append(int layer, Tensor key, Tensor value)
    {
        _keys[layer].select(2, Length - 1).copy_(key);
        _values[layer].select(2, Length - 1).copy_(value);
    }

    /// <summary>All slots of a layer, [rows, keyValueHeads, capacity, headSize] each.</summary>
    internal CachedLayer Layer(int layer) => new(_keys[layer], _values[layer]);

    /// <summary>The part of the cache a new token looks at, [rows, keyValueHeads, seen, headSize].</summary>
    internal (Tensor Keys, Tensor Values) Read(int layer, int? window)
    {
        var (from, seen) = Seen(window);
        return (_keys[layer].narrow(2, from, seen), _values[layer].narrow(2, from, seen));
    }

    /// <summary>Mask over the part <see cref="Read"/> returns, or null when every slot holds a token.</summary>
    internal Tensor? Visible(int? window)
    {
        if (!_ragged)
            return null;
        var (from, seen) = Seen(window);
        return _visible!.narrow(3, from, seen);
    }

    /// <summary>Replaces the rows by copies of others (beam search, dropping finished rows).</summary>
    /// <param name="sources">For each new row, the old row it continues.</param>
    public void Reorder(IReadOnlyList<int> sources)
    {
        using var index = tensor(sources.Select(row => (long)row).ToArray(), device: _keys[0].device);
        foreach (var cache in new[] { _keys, _values })
        {
            for (var layer = 0; layer < cache.Length; layer++)
            {
                var reordered = cache[layer].index_select(0, index).DetachFromDisposeScope();
                cache[layer].Dispose();
                cache[layer] = reordered;
            }
        }

        Begins = [.. sources.Select(row => Begins[row])];
        Rows = sources.Count;
        MarkVisible();
    }

    private (int From, int Count) Seen(int? window)
    {
        var seen = Math.Min(Length, window ?? Length);
        return (Length - seen, seen);
    }

    private void MarkVisible()
    {
        _visible?.Dispose();
        _visible = null;
        _ragged = Begins.Any(begin => begin > 0);
        if (!_ragged)
            return;
        // [rows, 1, 1, 1]
        using var begins = tensor(
            Begins.Select(begin => (long)begin).ToArray(), device: _keys[0].device).view(-1, 1, 1, 1);
        using var slots = TensorArithmetic.Range(Capacity, ScalarType.Int64, _keys[0].device);
        _visible = slots.ge(begins).DetachFromDisposeScope(); // [rows, 1, 1, capacity]
    }

    /// <summary>Releases the memory of the cache.</summary>
    public void Dispose()
    {
        foreach (var tensor in _keys.Concat(_values))
            tensor.Dispose();
        _visible?.Dispose();
    }
}
