using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>
/// The merges of a byte-pair vocabulary that comes without any: every way to cut a piece into two pieces is one.
/// </summary>
internal static class PieceMerges
{
    /// <summary>The merges as transformers ranks them: by the place of the piece in the vocabulary.</summary>
    public static List<BpeMerge> ByPlace(SentencePieceModel model, Vocabulary vocabulary)
    {
        var merges = new List<BpeMerge>();
        foreach (var piece in model.Pieces)
        {
            foreach (var (left, right) in Cuts(piece.Text, vocabulary))
                merges.Add(new BpeMerge(left, right, merges.Count));
        }
        return merges;
    }

    /// <summary>The merges as SentencePiece ranks them: by score, and among equals by place in the text.</summary>
    public static List<BpeMerge> ByScore(SentencePieceModel model, Vocabulary vocabulary)
    {
        var scores = model.Pieces.Select(piece => piece.Score).Distinct().OrderDescending().ToList();
        var ranks = scores.Select((score, rank) => (score, rank)).ToDictionary(item => item.score, item => item.rank);
        var merges = new List<BpeMerge>();
        foreach (var piece in model.Pieces.Where(piece => piece.Kind == PieceKind.Normal))
        {
            foreach (var (left, right) in Cuts(piece.Text, vocabulary))
                merges.Add(new BpeMerge(left, right, ranks[piece.Score]));
        }
        return merges;
    }

    private static IEnumerable<(string Left, string Right)> Cuts(string text, Vocabulary vocabulary)
    {
        for (var length = 1; length < text.Length; length++)
        {
            if (!char.IsLowSurrogate(text[length])
                && vocabulary.TryGetId(text.AsSpan(0, length), out _)
                && vocabulary.TryGetId(text.AsSpan(length), out _))
                yield return (text[..length], text[length..]);
        }
    }
}
