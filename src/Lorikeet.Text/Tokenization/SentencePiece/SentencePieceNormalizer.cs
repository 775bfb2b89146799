using System.Text;
using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Normalizers;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>Normalizes text as SentencePiece does before it looks for pieces (normalizer.cc).</summary>
/// <param name="model">Whose rules apply.</param>
/// <param name="userDefined">The pieces that are left as they are wherever they stand.</param>
internal sealed class SentencePieceNormalizer(SentencePieceModel model, AddedTokenMatcher userDefined) : INormalizer
{
    private const char Metaspace = '\u2581';

    private readonly CharacterMap? _map = model.CharacterMap.Length > 0 ? new CharacterMap(model.CharacterMap) : null;
    private readonly char _space = model.EscapesSpaces ? Metaspace : ' ';

    public AlignedText Normalize(AlignedText text)
    {
        var rewriter = new AlignedText.Rewriter(text, text.Length + 8);
        // Once text has been written this is false for good unless extra spaces are removed.
        var isAfterSpace = model.RemovesExtraSpaces;
        foreach (var (token, start, end) in userDefined.Split(text.Chars))
        {
            if (token is null)
                WriteRules(text, start, end, rewriter, ref isAfterSpace);
            else
                Write(token.Content, start, rewriter, ref isAfterSpace);
        }
        if (model.RemovesExtraSpaces)
            rewriter.TrimEnd(_space);
        if (model is { AddsDummyPrefix: true, MarksSpaceAsSuffix: true } && rewriter.Length > 0)
            rewriter.Append(_space, from: text.Length - 1);
        return rewriter.ToText();
    }

    private void WriteRules(
        AlignedText text, int start, int end, AlignedText.Rewriter rewriter, ref bool isAfterSpace)
    {
        var utf8 = new byte[System.Text.Encoding.UTF8.GetMaxByteCount(end - start)];
        var rest = utf8.AsSpan(0, System.Text.Encoding.UTF8.GetBytes(text.Chars[start..end], utf8));
        Span<char> units = stackalloc char[2];
        while (rest.Length > 0)
        {
            ReadOnlySpan<byte> replacement = [];
            var matched = _map?.FindLongest(rest, out replacement) ?? 0;
            if (matched > 0)
            {
                Write(System.Text.Encoding.UTF8.GetString(replacement), start, rewriter, ref isAfterSpace);
                start += System.Text.Encoding.UTF8.GetCharCount(rest[..matched]);
            }
            else
            {
                _ = Rune.DecodeFromUtf8(rest, out var rune, out matched);
                var length = rune.EncodeToUtf16(units);
                Write(units[..length], start, rewriter, ref isAfterSpace);
                start += length;
            }
            rest = rest[matched..];
        }
    }

    private void Write(ReadOnlySpan<char> text, int from, AlignedText.Rewriter rewriter, ref bool isAfterSpace)
    {
        if (isAfterSpace)
            text = text.TrimStart(' ');
        if (text.Length == 0)
            return;
        if (rewriter.Length == 0 && model is { AddsDummyPrefix: true, MarksSpaceAsSuffix: false })
            rewriter.Append(_space, from);
        foreach (var unit in text)
            rewriter.Append(unit == ' ' ? _space : unit, from);
        isAfterSpace = model.RemovesExtraSpaces && text[^1] == ' ';
    }
}
