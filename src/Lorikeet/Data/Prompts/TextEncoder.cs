using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Prompts;

/// <summary>The one way from text to tokens that training, evaluation, generation and chat share.</summary>
/// <remarks>
/// The sequence begins with the begin token once, whether the tokenizer adds it, the text has it, or both, and never
/// ends with an end token that the text does not have.
/// </remarks>
/// <param name="tokenizer">The model's tokenizer.</param>
public sealed class TextEncoder(Tokenizer tokenizer)
{
    /// <summary>The tokens of a rendered prompt.</summary>
    public int[] EncodePrompt(string prompt) => Encode(prompt).Encoding.Ids;

    /// <summary>The tokens of a text, and whether it wrote out the begin token that the tokenizer adds too.</summary>
    internal (Encoding Encoding, bool HadSecondBegin) Encode(string text)
    {
        var encoding = tokenizer.Encode(text);
        var hadSecondBegin = tokenizer.BeginToken is { } begin && encoding.Ids is [var first, var second, ..] &&
            first == begin && second == begin;
        var start = hadSecondBegin ? 1 : 0;
        var end = encoding.Length;
        while (end > start && encoding.Ids[end - 1] == tokenizer.EndToken && encoding.Offsets[end - 1] == (0, 0))
            end--;
        return (new Encoding(encoding.Ids[start..end], encoding.Offsets[start..end]), hadSecondBegin);
    }
}
