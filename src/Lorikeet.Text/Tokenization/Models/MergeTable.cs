using System.Numerics;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>Which pairs of tokens merge, how early, and into what: a hash table with open addressing.</summary>
internal sealed class MergeTable
{
    private readonly ulong[] _pairs;
    private readonly (int Rank, int Id)[] _merges;
    private readonly int _shift;

    public MergeTable(int count)
    {
        var capacity = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(4, 2 * count));
        _pairs = new ulong[capacity];
        _merges = new (int, int)[capacity];
        _shift = 64 - BitOperations.Log2((uint)capacity);
    }

    /// <summary>Adds a merge; of several for one pair the last counts.</summary>
    public void Add(int left, int right, int rank, int id)
    {
        var slot = Find(left, right);
        _pairs[slot] = Key(left, right);
        _merges[slot] = (rank, id);
    }

    public bool TryGet(int left, int right, out (int Rank, int Id) merge)
    {
        var slot = Find(left, right);
        merge = _merges[slot];
        return _pairs[slot] != 0;
    }

    private int Find(int left, int right)
    {
        var key = Key(left, right);
        var slot = (int)((key * 0x9E3779B97F4A7C15) >> _shift);
        while (_pairs[slot] != 0 && _pairs[slot] != key)
            slot = (slot + 1) & (_pairs.Length - 1);
        return slot;
    }

    // Ids are not negative, so the key of a pair is never the 0 that marks an empty slot.
    private static ulong Key(int left, int right) => ((ulong)(uint)(left + 1) << 32) | (uint)right;
}
