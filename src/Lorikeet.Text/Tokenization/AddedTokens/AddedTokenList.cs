using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tokenization.AddedTokens;

/// <summary>Puts together the added tokens of all files of a tokenizer.</summary>
internal sealed class AddedTokenList(Vocabulary vocabulary)
{
    private readonly List<AddedToken> _tokens = [];
    private readonly HashSet<string> _contents = new(StringComparer.Ordinal);

    public IReadOnlyList<AddedToken> Tokens => _tokens;

    /// <summary>Adds tokens that are not in the list yet.</summary>
    public void Add(IEnumerable<AddedToken> tokens)
    {
        foreach (var token in tokens)
        {
            if (_contents.Add(token.Content))
                _tokens.Add(token);
        }
    }

    /// <summary>Adds special tokens by text alone; what the vocabulary lacks gets the next free id.</summary>
    public void AddSpecial(IEnumerable<string> contents)
    {
        foreach (var content in contents.Where(content => content.Length > 0 && _contents.Add(content)))
            _tokens.Add(new AddedToken(vocabulary.Find(content) ?? NextId(), content, IsSpecial: true));
    }

    private int NextId() => Math.Max(vocabulary.IdLimit, _tokens.Count == 0 ? 0 : _tokens.Max(token => token.Id) + 1);
}
