using System.Runtime.CompilerServices;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Generation.Constraints;

/// <summary>The tokens of a tokenizer as bytes, read once.</summary>
internal sealed class TokenVocabulary
{
    private static readonly ConditionalWeakTable<Tokenizer, Lazy<TokenVocabulary>> s_known = [];

    private readonly byte[][] _spellings;
    private readonly byte[][] _firstSpellings;

    private TokenVocabulary(Tokenizer tokenizer)
    {
        _spellings = Read(tokenizer, isFirst: false);
        _firstSpellings = Read(tokenizer, isFirst: true);
        Tokens = new TokenTrie(_spellings);
        FirstTokens = new TokenTrie(_firstSpellings);
        EndToken = tokenizer.EndToken;
    }

    /// <summary>Tokens that follow others.</summary>
    public TokenTrie Tokens { get; }

    /// <summary>The first tokens of an answer, of which some tokenizers take a space off.</summary>
    public TokenTrie FirstTokens { get; }

    public int? EndToken { get; }

    public static TokenVocabulary Of(Tokenizer tokenizer) =>
        s_known.GetValue(tokenizer, key => new Lazy<TokenVocabulary>(() => new TokenVocabulary(key))).Value;

    /// <summary>The bytes of a token; none for a special one, and for an id beyond the tokenizer's.</summary>
    public ReadOnlySpan<byte> BytesOf(int id, bool isFirst) =>
        (uint)id >= (uint)_spellings.Length ? [] : (isFirst ? _firstSpellings : _spellings)[id];

    private static byte[][] Read(Tokenizer tokenizer, bool isFirst) =>
        [.. Enumerable.Range(0, tokenizer.VocabularySize).Select(id => tokenizer.BytesOf(id, isFirst))];
}
