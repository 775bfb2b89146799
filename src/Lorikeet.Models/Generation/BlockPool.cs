using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Generation;

/// <summary>
/// Who holds which block of a <see cref="PagedCache"/>. A block that is full can be shared by sequences with the same
/// beginning; one that nobody holds any more is kept until its place is needed, the longest unused first.
/// </summary>
/// <remarks>Only full blocks are shared and nobody writes into those, so none is ever copied.</remarks>
internal sealed class BlockPool
{
    private readonly Block[] _blocks;
    private readonly Stack<int> _empty = new();
    private readonly LinkedList<int> _kept = new(); // longest unused first
    private readonly Dictionary<BlockHash, int> _byHash = [];

    /// <summary>A pool in which every block is free.</summary>
    /// <param name="blocks">Blocks of the cache, its first included, which no sequence gets.</param>
    public BlockPool(int blocks)
    {
        _blocks = [.. Enumerable.Range(0, blocks).Select(_ => new Block())];
        for (var block = blocks - 1; block > 0; block--)
            _empty.Push(block);
    }

    /// <summary>Blocks that can be held at once.</summary>
    public int Count => _blocks.Length - 1;

    /// <summary>Blocks that can be taken: those that are empty or merely kept.</summary>
    public int Free => _empty.Count + _kept.Count;

    /// <summary>Blocks that nobody holds, kept for those who begin as they do.</summary>
    public int Kept => _kept.Count;

    /// <summary>Takes a block to be written; there must be one that is free.</summary>
    public int Take()
    {
        if (!_empty.TryPop(out var block))
        {
            block = _kept.First!.Value;
            _kept.RemoveFirst();
            _blocks[block].Place = null;
            _byHash.Remove(_blocks[block].Hash!.Value);
            _blocks[block].Hash = null;
        }

        _blocks[block].Holders = 1;
        return block;
    }

    /// <summary>The full block with a hash; null when there is none.</summary>
    public int? Find(BlockHash hash) => _byHash.TryGetValue(hash, out var block) ? block : null;

    /// <summary>Whether a block is held by anybody.</summary>
    public bool IsHeld(int block) => _blocks[block].Holders > 0;

    /// <summary>Holds a block that <see cref="Find"/> found.</summary>
    public void Share(int block)
    {
        if (_blocks[block].Holders++ == 0)
        {
            _kept.Remove(_blocks[block].Place!);
            _blocks[block].Place = null;
        }
    }

    /// <summary>
    /// Offers a block that is held and full to others. Where there is such a block already, it stays its holder's own.
    /// </summary>
    public void Offer(int block, BlockHash hash)
    {
        if (_byHash.TryAdd(hash, block))
            _blocks[block].Hash = hash;
    }

    /// <summary>Gives the blocks of a sequence back.</summary>
    /// <param name="blocks">In the order of its tokens.</param>
    public void Return(IReadOnlyList<int> blocks)
    {
        // The end of a prompt is of less use than its beginning, so it comes to be the longer unused.
        for (var i = blocks.Count - 1; i >= 0; i--)
        {
            var block = _blocks[blocks[i]];
            if (--block.Holders > 0)
                continue;
            if (block.Hash is null)
                _empty.Push(blocks[i]);
            else
                block.Place = _kept.AddLast(blocks[i]);
        }
    }

    private sealed class Block
    {
        public int Holders { get; set; }

        /// <summary>What it is found by; null while only its holder knows it.</summary>
        public BlockHash? Hash { get; set; }

        /// <summary>Its place among the kept; null while it is held or empty.</summary>
        public LinkedListNode<int>? Place { get; set; }
    }
}
