using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Generation;

/// <summary>Finds what others have read of a sequence's beginning, and offers what it has read itself.</summary>
/// <param name="pool">Whose blocks are shared.</param>
/// <param name="isOn">Whether anything is.</param>
internal sealed class PrefixSharing(BlockPool pool, bool isOn)
{
    private readonly Dictionary<ModelAdapter, ulong> _weights = [];
    private ulong _weightsOfBase;
    private ulong _lastWeights;

    /// <summary>
    /// The blocks in the pool that hold a sequence's beginning. The last token is never among them: it has to be read
    /// for its logits.
    /// </summary>
    public IReadOnlyList<int> Find(DecodingSequence sequence)
    {
        if (!isOn || sequence.Prompt is not null)
            return [];
        var found = new List<int>();
        for (var i = 0; i < (sequence.Row.Length - 1) / PagedCache.BlockTokens; i++)
        {
            if (pool.Find(Hash(sequence, i)) is not { } block)
                break;
            found.Add(block);
        }

        return found;
    }

    /// <summary>Whether a running sequence reads the block that comes after the first ones of this sequence.</summary>
    public bool IsBeingRead(DecodingSequence sequence, int blocks, IReadOnlyList<DecodingSequence> running)
    {
        if (!isOn || sequence.Prompt is not null || blocks >= (sequence.Row.Length - 1) / PagedCache.BlockTokens)
            return false;
        var next = Hash(sequence, blocks);
        return running.Any(other => !other.IsMixed && other.Offered <= blocks
            && (blocks + 1) * PagedCache.BlockTokens <= other.Row.Length && Hash(other, blocks) == next);
    }

    /// <summary>Gives a sequence the blocks that were found.</summary>
    public void Take(DecodingSequence sequence, IReadOnlyList<int> blocks)
    {
        foreach (var block in blocks)
            pool.Share(block);
        sequence.Blocks.AddRange(blocks);
        sequence.Read = blocks.Count * PagedCache.BlockTokens;
        sequence.Offered = blocks.Count;
    }

    /// <summary>Offers the blocks that a sequence has filled.</summary>
    public void Offer(DecodingSequence sequence)
    {
        if (!isOn || sequence.IsMixed)
            return;
        for (; sequence.Offered < sequence.Read / PagedCache.BlockTokens; sequence.Offered++)
            pool.Offer(sequence.Blocks[sequence.Offered], Hash(sequence, sequence.Offered));
    }

    /// <summary>What was read with an adapter (null: the base) so far is found no more.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="running">Sequences that may have read something; what they go on to read is theirs alone.</param>
    /// <param name="waiting">Sequences that have read nothing.</param>
    public void Forget(
        ModelAdapter? adapter, IEnumerable<DecodingSequence> running, IEnumerable<DecodingSequence> waiting)
    {
        if (adapter is null)
            _weightsOfBase = ++_lastWeights;
        else
            _weights.Remove(adapter);
        foreach (var sequence in running.Where(IsOf))
            sequence.IsMixed |= sequence.Read > 0;
        foreach (var sequence in running.Concat(waiting).Where(sequence => IsOf(sequence) && !sequence.IsMixed))
            sequence.Hashes.Clear();

        bool IsOf(DecodingSequence sequence) => ReferenceEquals(sequence.Adapter, adapter);
    }

    /// <summary>A sequence has given up all that it had read, whatever it was read with.</summary>
    public static void BeginAnew(DecodingSequence sequence)
    {
        if (sequence.IsMixed)
            sequence.Hashes.Clear();
        sequence.IsMixed = false;
    }

    /// <summary>The hash of a full block of a sequence.</summary>
    private BlockHash Hash(DecodingSequence sequence, int block)
    {
        var hashes = sequence.Hashes;
        while (hashes.Count <= block)
        {
            var before = hashes.Count == 0 ? BlockHash.Start(WeightsOf(sequence.Adapter)) : hashes[^1];
            hashes.Add(before.Next(sequence.Row.Ids.Slice(
                hashes.Count * PagedCache.BlockTokens, PagedCache.BlockTokens)));
        }

        return hashes[block];
    }

    private ulong WeightsOf(ModelAdapter? adapter)
    {
        if (adapter is null)
            return _weightsOfBase;
        if (!_weights.TryGetValue(adapter, out var weights))
            _weights[adapter] = weights = ++_lastWeights;
        return weights;
    }
}
