using Lorikeet.Text.Tokenization.Normalizers;

namespace Lorikeet.Text.Tokenization.AddedTokens;

/// <summary>The tokens beside the model's vocabulary, and those in it that are matched as a whole.</summary>
internal sealed class AddedVocabulary
{
    private readonly Dictionary<int, AddedToken> _byId = [];
    private readonly Dictionary<int, string> _texts = [];
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    public AddedVocabulary(IEnumerable<AddedToken> tokens, INormalizer? normalizer)
    {
        foreach (var token in tokens.Where(token => token.Content.Length > 0))
        {
            _byId[token.Id] = token;
            _texts[token.Id] = token.IsNormalized ? Normalize(token.Content, normalizer) : token.Content;
            _ids[token.Content] = token.Id;
        }
        InOriginal = CreateMatcher(isNormalized: false);
        InNormalized = CreateMatcher(isNormalized: true);
    }

    /// <summary>Looks in the text as it was given.</summary>
    public AddedTokenMatcher InOriginal { get; }

    /// <summary>Looks in the text after normalization.</summary>
    public AddedTokenMatcher InNormalized { get; }

    /// <summary>One more than the largest id, or 0 when there are none.</summary>
    public int IdLimit => _byId.Count == 0 ? 0 : _byId.Keys.Max() + 1;

    public bool IsSpecial(int id) => _byId.TryGetValue(id, out var token) && token.IsSpecial;

    /// <summary>What the token is in text: normalized where it is looked for in normalized text.</summary>
    public string? TextOf(int id) => _texts.GetValueOrDefault(id);

    public int? IdOf(string content) => _ids.TryGetValue(content, out var id) ? id : null;

    private AddedTokenMatcher CreateMatcher(bool isNormalized) => new(_byId.Values
        .Where(token => token.IsNormalized == isNormalized)
        .OrderByDescending(token => token.IsSpecial)
        .ThenBy(token => token.Id)
        .Select(token => (_texts[token.Id], token)));

    private static string Normalize(string content, INormalizer? normalizer) =>
        normalizer is null ? content : normalizer.Normalize(new AlignedText(content.AsMemory(), 0)).Chars.ToString();
}
