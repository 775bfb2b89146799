namespace Lorikeet.Text.Tokenization.Models;

/// <summary>Finds all tokens that a text begins with.</summary>
internal sealed class CharacterTrie
{
    private const int Root = 0;
    private readonly Dictionary<long, int> _children = [];
    private readonly List<int> _tokens = [-1];

    /// <summary>Adds a token; an empty one is never found.</summary>
    public void Add(string token, int value)
    {
        var node = Root;
        foreach (var unit in token)
        {
            if (!_children.TryGetValue(Key(node, unit), out var child))
            {
                child = _tokens.Count;
                _children.Add(Key(node, unit), child);
                _tokens.Add(-1);
            }
            node = child;
        }
        if (node != Root)
            _tokens[node] = value;
    }

    /// <summary>Collects length and value of every token at the beginning of the text, the shortest first.</summary>
    public void FindPrefixes(ReadOnlySpan<char> text, List<(int Length, int Value)> found)
    {
        found.Clear();
        var node = Root;
        for (var i = 0; i < text.Length && _children.TryGetValue(Key(node, text[i]), out node); i++)
        {
            if (_tokens[node] >= 0)
                found.Add((i + 1, _tokens[node]));
        }
    }

    private static long Key(int node, char unit) => ((long)node << 16) | unit;
}
