namespace Lorikeet.Text.Tokenization.PreTokenizers;

/// <summary>Cuts normalized text into the pieces that the model tokenizes one by one.</summary>
internal interface IPreTokenizer
{
    PreTokenizedText PreTokenize(PreTokenizedText text);
}

/// <summary>A half-open range of a text.</summary>
internal readonly record struct Piece(int Start, int End)
{
    public int Length => End - Start;
}

/// <summary>A text and its pieces, in order; what lies between them is dropped.</summary>
internal sealed record PreTokenizedText(AlignedText Text, List<Piece> Pieces)
{
    /// <summary>Whether there is one piece and it is all of the text.</summary>
    public bool IsWhole => Pieces.Count == 1 && Pieces[0].Length == Text.Length;

    public static PreTokenizedText Whole(AlignedText text) => new(text, [new Piece(0, text.Length)]);
}

/// <summary>Pre-tokenizers one after the other.</summary>
internal sealed class SequencePreTokenizer(IPreTokenizer[] preTokenizers) : IPreTokenizer
{
    public ReadOnlySpan<IPreTokenizer> PreTokenizers => preTokenizers;

    public PreTokenizedText PreTokenize(PreTokenizedText text)
    {
        foreach (var preTokenizer in preTokenizers)
            text = preTokenizer.PreTokenize(text);
        return text;
    }
}
