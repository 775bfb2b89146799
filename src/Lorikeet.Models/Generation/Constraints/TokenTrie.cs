using Lorikeet.Models.Grammars;

namespace Lorikeet.Models.Generation.Constraints;

/// <summary>
/// The tokens of a vocabulary by their bytes: tokens that begin alike are tried together, so that one walk finds all
/// that an automaton allows.
/// </summary>
internal sealed class TokenTrie
{
    // Nodes in the order of their paths: those below a node follow it.
    private readonly byte[] _bytes;
    private readonly int[] _depths; // 0 for the first byte of tokens
    private readonly int[] _ends; // the first node that is not below
    private readonly int[] _firstTokens; // where in _ids the tokens of a node begin, and end at that of the next
    private readonly int[] _ids;
    private readonly int _deepest;
    private readonly int _words;

    /// <summary>Sorts the tokens in.</summary>
    /// <param name="spellings">The bytes of each id; a token without any is never allowed.</param>
    public TokenTrie(IReadOnlyList<byte[]> spellings)
    {
        _words = (spellings.Count + 63) / 64;
        _ids = [.. Enumerable.Range(0, spellings.Count).Where(id => spellings[id].Length > 0)];
        Array.Sort(_ids, (one, two) => spellings[one].AsSpan().SequenceCompareTo(spellings[two]));
        var (bytes, depths, tokens) = (new List<byte>(), new List<int>(), new List<int>());
        byte[] path = [];
        for (var i = 0; i < _ids.Length; i++)
        {
            var token = spellings[_ids[i]];
            for (var depth = token.AsSpan().CommonPrefixLength(path); depth < token.Length; depth++)
            {
                bytes.Add(token[depth]);
                depths.Add(depth);
                tokens.Add(depth == token.Length - 1 ? i : -1);
            }

            path = token;
        }

        (_bytes, _depths) = ([.. bytes], [.. depths]);
        _deepest = depths.Count == 0 ? 0 : depths.Max();
        (_ends, _firstTokens) = (new int[bytes.Count], new int[bytes.Count + 1]);
        _firstTokens[^1] = _ids.Length;
        for (var node = bytes.Count - 1; node >= 0; node--)
        {
            _firstTokens[node] = tokens[node] >= 0 ? tokens[node] : _firstTokens[node + 1];
            for (_ends[node] = node + 1; _ends[node] < bytes.Count && depths[_ends[node]] > depths[node];)
                _ends[node] = _ends[_ends[node]];
        }
    }

    /// <summary>The tokens that an automaton allows after a state: a bit for each id.</summary>
    public ulong[] Allowed(ByteAutomaton automaton, ByteState state)
    {
        var allowed = new ulong[_words];
        var path = new ByteState[_deepest + 2]; // the state before each depth
        path[0] = state;
        for (var node = 0; node < _bytes.Length;)
        {
            var depth = _depths[node];
            var next = path[depth + 1] = automaton.Next(path[depth], _bytes[node]);
            if (next.IsDead)
            {
                node = _ends[node];
                continue;
            }

            for (var i = _firstTokens[node]; i < _firstTokens[node + 1]; i++)
                allowed[_ids[i] >> 6] |= 1ul << _ids[i];
            node++;
        }

        return allowed;
    }
}
