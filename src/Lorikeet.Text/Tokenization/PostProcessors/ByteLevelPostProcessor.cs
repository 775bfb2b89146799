using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.PostProcessors;

/// <summary>Takes the white space at the ends of byte-level tokens out of their ranges.</summary>
/// <param name="addsPrefixSpace">Whether the first token's space may be one that the text does not have.</param>
/// <param name="tokenAt">The text of a token.</param>
internal sealed class ByteLevelPostProcessor(bool addsPrefixSpace, Func<int, string?> tokenAt) : IPostProcessor
{
    public ReadOnlySpan<int> Before => [];

    public ReadOnlySpan<int> After => [];

    public void Adjust(TokenBuffer tokens, ReadOnlySpan<char> text)
    {
        for (var i = 0; i < tokens.Count; i++)
        {
            var token = tokenAt(tokens.IdAt(i)) ?? "";
            ref var offset = ref tokens.OffsetAt(i);
            var leading = CountSpaces(token, from: 0, step: 1);
            var trailing = CountSpaces(token, from: token.Length - 1, step: -1);
            if (addsPrefixSpace && leading == 1 && (i == 0 || offset.Start == 0))
                leading = 0;
            for (; leading > 0 && offset.Start < offset.End; leading--)
                offset.Start += char.IsHighSurrogate(text[offset.Start]) ? 2 : 1;
            for (; trailing > 0 && offset.Start < offset.End; trailing--)
                offset.End -= char.IsLowSurrogate(text[offset.End - 1]) ? 2 : 1;
        }
    }

    private static int CountSpaces(string token, int from, int step)
    {
        var count = 0;
        for (var i = from; (uint)i < (uint)token.Length && IsSpace(token[i]); i += step)
            count++;
        return count;
    }

    private static bool IsSpace(char unit) => unit == ByteLevelAlphabet.CharOf((byte)' ') || char.IsWhiteSpace(unit);
}
