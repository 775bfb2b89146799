using System.Collections.Concurrent;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>The tokens of words seen before. Text repeats its words, so most never reach the merges again.</summary>
internal sealed class WordCache
{
    private const int LongestWord = 64;
    private const int Capacity = 1 << 17;
    private readonly ConcurrentDictionary<string, WordToken[]> _words = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, WordToken[]>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private int _count;

    public WordCache() => _bySpan = _words.GetAlternateLookup<ReadOnlySpan<char>>();

    public bool TryGet(ReadOnlySpan<char> word, out WordToken[] tokens)
    {
        tokens = [];
        return word.Length <= LongestWord && _bySpan.TryGetValue(word, out tokens!);
    }

    /// <summary>Remembers a word unless it is long or the cache is full; the words of a corpus come early.</summary>
    public void Add(ReadOnlySpan<char> word, WordToken[] tokens)
    {
        if (word.Length > LongestWord || _count >= Capacity)
            return;
        if (_words.TryAdd(word.ToString(), tokens))
            Interlocked.Increment(ref _count);
    }
}
