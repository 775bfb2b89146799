using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Prompts;

/// <summary>The one way from text to tokens that training, evaluation, generation and chat share.</summary>
/// <remarks>
/// <para>
/// The sequence begins with the begin token once, whether the tokenizer adds it, the text has it, or both, and never
/// ends with an end token that the text does not have.
/// </para>
/// <para>
/// The tokens of a row begin with the tokens of its prompts, for a model is asked with nothing after the prompt. Two
/// things make them differ: blanks at the prompt's end, which tokenizers put into the first token of the answer (they
/// are left out of the prompt, and the model writes them), and an answer that merges with the prompt's end, such as
/// line breaks after a line break (the text is cut there, and what follows is encoded by itself).
/// </para>
/// </remarks>
/// <param name="tokenizer">The model's tokenizer.</param>
public sealed class TextEncoder(Tokenizer tokenizer)
{
    // What stands before a text that goes on, so that no tokenizer takes it for the beginning of a sequence.
    private static readonly string[] Anchors = ["\n", "x", ".", "0", ")", "漢"];

    /// <summary>The tokens of a rendered prompt that an answer is to follow.</summary>
    /// <param name="prompt">The prompt; blanks at its end are left to the answer.</param>
    /// <param name="boundaries">
    /// Where in it answers that were learned begin, ascending; none in a single question.
    /// </param>
    public int[] EncodePrompt(string prompt, IReadOnlyList<int>? boundaries = null)
    {
        var end = EndOfPrompt(prompt, prompt.Length);
        return Encode(prompt[..end], boundaries ?? []).Encoding.Ids;
    }

    /// <summary>The tokens of a text as it stands.</summary>
    public int[] EncodeText(string text) => Encode(text).Encoding.Ids;

    /// <summary>Where the prompt before an answer ends: before the blanks, unless there is nothing else.</summary>
    internal static int EndOfPrompt(string text, int answer)
    {
        var end = text.AsSpan(0, answer).TrimEnd(' ').Length;
        return end == 0 ? answer : end;
    }

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

    /// <summary>The same, beginning with the tokens of what precedes each boundary.</summary>
    /// <param name="text">The text.</param>
    /// <param name="boundaries">Where answers begin, ascending.</param>
    internal (Encoding Encoding, bool HadSecondBegin) Encode(string text, IReadOnlyList<int> boundaries)
    {
        var whole = Encode(text);
        int[] cuts = [.. boundaries.Select(cut => EndOfPrompt(text, cut)).Where(cut => cut > 0 && cut < text.Length)];
        if (cuts.All(cut => BeginsWith(whole.Encoding, Encode(text[..cut]).Encoding)))
            return whole;

        var encoding = Encode(text[..cuts[0]]).Encoding;
        foreach (var (start, end) in cuts.Zip([.. cuts.Skip(1), text.Length]))
        {
            var longer = Encode(text[..end]).Encoding;
            encoding = BeginsWith(longer, encoding) ? longer : Join(encoding, Continuation(text[start..end]), start);
        }
        return (encoding, whole.HadSecondBegin);
    }

    private static bool BeginsWith(Encoding whole, Encoding start) => whole.Ids.AsSpan().StartsWith(start.Ids);

    private static Encoding Join(Encoding first, Encoding second, int at) => new(
        [.. first.Ids, .. second.Ids],
        [.. first.Offsets, .. second.Offsets.Select(offset => (offset.Start + at, offset.End + at))]);

    /// <summary>The tokens of a text that follows another.</summary>
    private Encoding Continuation(string text)
    {
        foreach (var anchor in Anchors)
        {
            var before = tokenizer.Encode(anchor, addSpecialTokens: false);
            var both = tokenizer.Encode(anchor + text, addSpecialTokens: false);
            if (!BeginsWith(both, before) || both.Length == before.Length)
                continue;
            if (both.Offsets[before.Length].Start < anchor.Length)
                continue;
            return new Encoding(
                both.Ids[before.Length..],
                [.. both.Offsets[before.Length..]
                    .Select(offset => (offset.Start - anchor.Length, offset.End - anchor.Length))]);
        }
        return tokenizer.Encode(text, addSpecialTokens: false);
    }
}
