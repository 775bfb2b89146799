using System.Collections.Concurrent;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>Remembers the tokens of words seen before. Text repeats its words, so few reach the model again.</summary>
internal sealed class CachedModel : ITokenModel
{
    private const int LongestWord = 64;
    private const int Capacity = 1 << 17;
    private readonly ITokenModel _model;
    private readonly ConcurrentDictionary<string, WordToken[]> _words = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, WordToken[]>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private int _count;

    public CachedModel(ITokenModel model)
    {
        _model = model;
        _bySpan = _words.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public Vocabulary Vocabulary => _model.Vocabulary;

    /// <summary>The model with a cache around the smallest pieces that can be tokenized alone.</summary>
    /// <param name="model">The model.</param>
    /// <param name="spellsBytes">Whether it is to see the characters of a piece's bytes.</param>
    public static ITokenModel Around(ITokenModel model, bool spellsBytes) => model switch
    {
        _ when spellsBytes => new CachedModel(new ByteLevelModel(model)),
        BpeModel { HasIndependentWords: true } => new MetaspaceWords(new CachedModel(model)),
        BpeModel or UnigramModel => new CachedModel(model),
        _ => model,
    };

    public void Tokenize(ReadOnlySpan<char> piece, int start, TokenBuffer output)
    {
        if (piece.Length > LongestWord)
        {
            _model.Tokenize(piece, start, output);
        }
        else if (_bySpan.TryGetValue(piece, out var tokens))
        {
            foreach (var token in tokens)
                output.Add(token.Id, start + token.Start, start + token.End);
        }
        else
        {
            var first = output.Count;
            _model.Tokenize(piece, start, output);
            Remember(piece, start, first, output);
        }
    }

    // The words of a corpus come early, so a full cache stays as it is.
    private void Remember(ReadOnlySpan<char> word, int start, int first, TokenBuffer output)
    {
        if (_count >= Capacity)
            return;
        var tokens = new WordToken[output.Count - first];
        for (var i = 0; i < tokens.Length; i++)
        {
            var (tokenStart, tokenEnd) = output.OffsetAt(first + i);
            tokens[i] = new WordToken(output.IdAt(first + i), tokenStart - start, tokenEnd - start);
        }
        if (_words.TryAdd(word.ToString(), tokens))
            Interlocked.Increment(ref _count);
    }
}
