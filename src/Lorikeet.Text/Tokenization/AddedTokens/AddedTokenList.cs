using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tokenization.AddedTokens;

/// <summary>Puts together the added tokens of all files of a tokenizer.</summary>
internal sealed class AddedTokenList(Vocabulary vocabulary)
{
    private readonly List<AddedToken> _tokens = [];
    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
    private int _nextId = vocabulary.IdLimit;

    public IReadOnlyList<AddedToken> Tokens => _tokens;

    /// <summary>Adds tokens that are not in the list yet.</summary>
    public void Add(IEnumerable<AddedToken> tokens)
    {
        foreach (var token in tokens)
        {
            if (!_places.TryAdd(token.Content, _tokens.Count))
                continue;
            _tokens.Add(token);
            _nextId = Math.Max(_nextId, token.Id + 1);
        }
    }

    /// <summary>Adds tokens, or gives those in the list other properties; an id once given stays.</summary>
    public void Override(IEnumerable<AddedToken> tokens)
    {
        foreach (var token in tokens)
        {
            if (_places.TryGetValue(token.Content, out var place))
                _tokens[place] = token with { Id = _tokens[place].Id };
            else
                Add([token]);
        }
    }

    /// <summary>Adds special tokens by text alone; what the vocabulary lacks gets the next free id.</summary>
    public void AddSpecial(IEnumerable<string> contents)
    {
        foreach (var content in contents.Where(content => content.Length > 0 && !_places.ContainsKey(content)))
            Add([new AddedToken(vocabulary.Find(content) ?? _nextId, content, IsSpecial: true)]);
    }

    /// <summary>The id of a token of the list or the vocabulary.</summary>
    public int? Find(string content) =>
        _places.TryGetValue(content, out var place) ? _tokens[place].Id : vocabulary.Find(content);
}
