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
/// <para>
/// Each prompt in a text is encoded again to see that. A text of very many answers is therefore cut after every
/// <see cref="MostTogether"/> of them, or its time would grow with the square of its length.
/// </para>
/// </remarks>
/// <param name="tokenizer">The model's tokenizer.</param>
public sealed class TextEncoder(Tokenizer tokenizer)
{
    private const int MostTogether = 64;

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
        int[] cuts = [.. boundaries.Select(cut => EndOfPrompt(text, cut)).Where(cut => cut > 0 && cut < text.Length)];
        int[] ends = [.. cuts.Where((_, i) => i > 0 && i % MostTogether == 0), text.Length];
        var first = Encode(text[..ends[0]]);
        List<Encoding> parts = [WithPrompts(text[..ends[0]], cuts, first.Encoding, part => Encode(part).Encoding)];
        foreach (var (start, end) in ends.Zip(ends.Skip(1)))
        {
            var part = text[start..end];
            int[] inside = [.. cuts.SkipWhile(cut => cut <= start).Select(cut => cut - start)];
            parts.Add(Moved(WithPrompts(part, inside, Continuation(part), Continuation), start));
        }

        return (Joined(parts), first.HadSecondBegin);
    }

    /// <summary>A text's tokens, beginning with those of each prompt in it.</summary>
    /// <param name="text">The text.</param>
    /// <param name="cuts">Where its prompts end, ascending; those behind its end do not count.</param>
    /// <param name="whole">Its tokens as they are without that.</param>
    /// <param name="encode">Encodes what it begins with.</param>
    private Encoding WithPrompts(string text, int[] cuts, Encoding whole, Func<string, Encoding> encode)
    {
        cuts = [.. cuts.TakeWhile(cut => cut < text.Length)];
        if (cuts.All(cut => BeginsWith(whole, encode(text[..cut]))))
            return whole;

        var encoding = encode(text[..cuts[0]]);
        foreach (var (start, end) in cuts.Zip([.. cuts.Skip(1), text.Length]))
        {
            var longer = encode(text[..end]);
            encoding = BeginsWith(longer, encoding)
                ? longer
                : Joined([encoding, Moved(Continuation(text[start..end]), start)]);
        }

        return encoding;
    }

    private static bool BeginsWith(Encoding whole, Encoding start) => whole.Ids.AsSpan().StartsWith(start.Ids);

    private static Encoding Joined(IReadOnlyList<Encoding> parts) => parts is [var only]
        ? only
        : new Encoding(
            [.. parts.SelectMany(part => part.Ids)], [.. parts.SelectMany(part => part.Offsets)]);

    private static Encoding Moved(Encoding encoding, int by) => new(
        encoding.Ids, [.. encoding.Offsets.Select(offset => (offset.Start + by, offset.End + by))]);

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
