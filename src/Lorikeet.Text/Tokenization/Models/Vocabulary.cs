namespace Lorikeet.Text.Tokenization.Models;

/// <summary>The tokens of a model, by text and by id.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idsBySpan;
    private readonly string?[] _tokens;

    public Vocabulary(Dictionary<string, int> ids)
    {
        _ids = ids;
        _idsBySpan = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _tokens = new string?[ids.Count == 0 ? 0 : ids.Values.Max() + 1];
        foreach (var (token, id) in ids)
            _tokens[id] = token;
    }

    /// <summary>One more than the largest id.</summary>
    public int IdLimit => _tokens.Length;

    /// <summary>Every token with its id.</summary>
    public IEnumerable<KeyValuePair<string, int>> Tokens => _ids;

    public bool TryGetId(ReadOnlySpan<char> token, out int id) => _idsBySpan.TryGetValue(token, out id);

    public int? Find(string token) => _ids.TryGetValue(token, out var id) ? id : null;

    /// <summary>The token's text, or null for an id nothing has.</summary>
    public string? TokenAt(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;
}
