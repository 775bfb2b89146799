using Lorikeet.Text.Tokenization.Normalizers;

namespace Lorikeet.Text.Tokenization.AddedTokens;

/// <summary>The tokens beside the model's vocabulary, and those in it that are matched as a whole.</summary>
internal sealed class AddedVocabulary
{
    private readonly Dictionary<int, AddedToken> _byId = [];
    private readonly Dictionary<string, int> _idByContent = new(StringComparer.Ordinal);

    public AddedVocabulary(IEnumerable<AddedToken> tokens, INormalizer? normalizer)
    {
        foreach (var token in tokens.Where(token => token.Content.Length > 0))
        {
            _byId[token.Id] = token;
            _idByContent[token.Content] = token.Id;
        }
        var ordered = _byId.Values.OrderByDescending(token => token.IsSpecial).ThenBy(token => token.Id).ToList();
        InOriginal = new AddedTokenMatcher(
            ordered.Where(token => !token.IsNormalized).Select(token => (token.Content, token)));
        InNormalized = new AddedTokenMatcher(
            ordered.Where(token => token.IsNormalized).Select(token => (Normalize(token.Content, normalizer), token)));
    }

    /// <summary>Looks in the text as it was given.</summary>
    public AddedTokenMatcher InOriginal { get; }

    /// <summary>Looks in the text after normalization.</summary>
    public AddedTokenMatcher InNormalized { get; }

    /// <summary>One more than the largest id, or 0 when there are none.</summary>
    public int IdLimit => _byId.Count == 0 ? 0 : _byId.Keys.Max() + 1;

    public AddedToken? Find(int id) => _byId.GetValueOrDefault(id);

    public int? Find(string content) => _idByContent.TryGetValue(content, out var id) ? id : null;

    private static string Normalize(string content, INormalizer? normalizer) =>
        normalizer is null ? content : normalizer.Normalize(new AlignedText(content.AsMemory(), 0)).Chars.ToString();
}
