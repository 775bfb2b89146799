using System.Text;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>How a unigram model treats what its vocabulary does not cover, and how it calculates.</summary>
internal sealed record UnigramOptions
{
    /// <summary>The token for characters the vocabulary lacks.</summary>
    public required int? Unknown { get; init; }

    /// <summary>The score of an unknown character.</summary>
    public required double UnknownScore { get; init; }

    /// <summary>Whether unknown characters are spelled with byte tokens.</summary>
    public bool FallsBackToBytes { get; init; }

    /// <summary>Whether sums are kept in single precision, as SentencePiece's are.</summary>
    public bool IsSinglePrecision { get; init; }
}

/// <summary>
/// A unigram language model (Kudo 2018): of all ways to cut a text into tokens, the one whose scores add up highest.
/// </summary>
internal sealed class UnigramModel : ITokenModel
{
    private readonly UnigramOptions _options;
    private readonly Dictionary<int, double> _scores = [];
    private readonly CharacterTrie _trie = new();
    private readonly ByteTokens _byteTokens;

    /// <param name="vocabulary">All tokens.</param>
    /// <param name="scored">The tokens that text may be cut into, with their logarithmic probabilities.</param>
    /// <param name="options">What to do beyond them.</param>
    public UnigramModel(
        Vocabulary vocabulary, IEnumerable<(string Token, int Id, double Score)> scored, UnigramOptions options)
    {
        Vocabulary = vocabulary;
        _options = options;
        _byteTokens = new ByteTokens(vocabulary);
        foreach (var (token, id, score) in scored)
        {
            _trie.Add(token, id);
            _scores[id] = score;
        }
    }

    public Vocabulary Vocabulary { get; }

    // No id at all where the vocabulary has no token for what it lacks.
    private int Unknown => _options.Unknown ?? -1;

    public void Tokenize(ReadOnlySpan<char> piece, int start, TokenBuffer output)
    {
        var path = BestPath(piece);
        for (var i = 0; i < path.Count; i++)
        {
            var (id, first, end) = path[i];
            if (id != Unknown)
            {
                output.Add(id, start + first, start + end);
                continue;
            }
            while (i + 1 < path.Count && path[i + 1].Id == id)
                end = path[++i].End;
            AddUnknown(piece[first..end], start + first, output);
        }
    }

    // Viterbi: the best way to reach each position, from left to right, then back along the steps taken.
    private List<WordToken> BestPath(ReadOnlySpan<char> text)
    {
        var steps = new Step[text.Length + 1];
        var found = new List<(int Length, int Value)>();
        int length;
        for (var start = 0; start < text.Length; start += length)
        {
            _ = Rune.DecodeFromUtf16(text[start..], out _, out length);
            _trie.FindPrefixes(text[start..], found);
            var coversCharacter = false;
            foreach (var (tokenLength, id) in found)
            {
                Offer(steps, start, start + tokenLength, id, steps[start].Score + _scores[id]);
                coversCharacter |= tokenLength == length;
            }
            if (coversCharacter)
                continue;
            var unknownTotal = Kept(steps[start].Score + _options.UnknownScore);
            Offer(steps, start, start + length, Unknown, unknownTotal);
        }
        var path = new List<WordToken>();
        for (var end = text.Length; end > 0; end = steps[end].Start)
            path.Add(new WordToken(steps[end].Id, steps[end].Start, end));
        path.Reverse();
        return path;
    }

    // SentencePiece compares in double precision what it keeps in single; that decides between equals.
    private void Offer(Step[] steps, int start, int end, int id, double total)
    {
        if (!steps[end].IsReached || total > steps[end].Score)
            steps[end] = new Step(true, id, start, Kept(total));
    }

    private double Kept(double total) => _options.IsSinglePrecision ? (float)total : total;

    private void AddUnknown(ReadOnlySpan<char> text, int start, TokenBuffer output)
    {
        var end = start + text.Length;
        // The unknown token itself may stand in the text.
        if (Vocabulary.TryGetId(text, out var id) && _scores.ContainsKey(id))
            output.Add(id, start, end);
        else if (_options.FallsBackToBytes && TryGetBytes(text, out var ids))
            Array.ForEach(ids, value => output.Add(value, start, end));
        else if (_options.Unknown is { } unknown)
            output.Add(unknown, start, end);
    }

    private bool TryGetBytes(ReadOnlySpan<char> text, out int[] ids)
    {
        var utf8 = new byte[System.Text.Encoding.UTF8.GetByteCount(text)];
        System.Text.Encoding.UTF8.GetBytes(text, utf8);
        ids = new int[utf8.Length];
        return _byteTokens.TryGetIds(utf8, ids);
    }

    private readonly record struct Step(bool IsReached, int Id, int Start, double Score);
}
