using System.Text;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>BERT's WordPiece: the longest token that a word begins with, then again for the rest of it.</summary>
/// <param name="vocabulary">The tokens.</param>
/// <param name="unknown">The token for words that cannot be cut up, or are too long.</param>
/// <param name="continuingPrefix">What the vocabulary puts before tokens that continue a word.</param>
/// <param name="longestWord">The longest word that is looked at, in characters.</param>
internal sealed class WordPieceModel(Vocabulary vocabulary, int unknown, string continuingPrefix, int longestWord)
    : ITokenModel
{
    private readonly int _longestToken = vocabulary.Tokens.Select(token => token.Key.Length).DefaultIfEmpty().Max();

    public Vocabulary Vocabulary => vocabulary;

    public void Tokenize(ReadOnlySpan<char> piece, int start, TokenBuffer output)
    {
        var tokens = Cut(piece) ?? [new WordToken(unknown, 0, piece.Length)];
        foreach (var token in tokens)
            output.Add(token.Id, start + token.Start, start + token.End);
    }

    private List<WordToken>? Cut(ReadOnlySpan<char> word)
    {
        var length = 0;
        foreach (var _ in word.EnumerateRunes())
            length++;
        if (length > longestWord)
            return null;
        var tokens = new List<WordToken>();
        for (var start = 0; start < word.Length; start = tokens[^1].End)
        {
            if (LongestToken(word, start) is not { } token)
                return null;
            tokens.Add(token);
        }
        return tokens;
    }

    private WordToken? LongestToken(ReadOnlySpan<char> word, int start)
    {
        var end = Math.Min(word.Length, start + _longestToken);
        while (end > start)
        {
            var candidate = string.Concat(start > 0 ? continuingPrefix : "", word[start..end]);
            if (vocabulary.TryGetId(candidate, out var id))
                return new WordToken(id, start, end);
            _ = Rune.DecodeLastFromUtf16(word[start..end], out _, out var length);
            end -= length;
        }
        return null;
    }
}
