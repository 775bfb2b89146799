using System.Text;
using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Normalizers;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>Normalizes text as SentencePiece does before it looks for pieces (normalizer.cc).</summary>
/// <param name="model">Whose rules apply.</param>
/// <param name="userDefined">The pieces that are left as they are wherever they stand.</param>
internal sealed class SentencePieceNormalizer(SentencePieceModel model, AddedTokenMatcher userDefined) : INormalizer
{
    private readonly char _space = model.EscapesSpaces ? Metaspace.Symbol : ' ';

    public AlignedText Normalize(AlignedText text)
    {
        var output = new Output(model, _space, text);
        foreach (var (token, start, end) in userDefined.Split(text.Chars))
        {
            if (token is null)
                ApplyRules(text.Chars[start..end], start, output);
            else
                output.Write(token.Content, start, end);
        }
        return output.Complete();
    }

    // At each place the longest rule applies; what no rule is about stays.
    private void ApplyRules(ReadOnlySpan<char> text, int start, Output output)
    {
        var utf8 = new byte[System.Text.Encoding.UTF8.GetMaxByteCount(text.Length)];
        var rest = utf8.AsSpan(0, System.Text.Encoding.UTF8.GetBytes(text, utf8));
        Span<char> units = stackalloc char[2];
        while (rest.Length > 0)
        {
            ReadOnlySpan<byte> replacement = [];
            var matched = model.Rules?.FindLongest(rest, out replacement) ?? 0;
            // Rules are about whole characters; a damaged one may end within.
            if (matched > 0 && (matched == rest.Length || (rest[matched] & 0xC0) != 0x80))
            {
                var end = start + System.Text.Encoding.UTF8.GetCharCount(rest[..matched]);
                output.Write(System.Text.Encoding.UTF8.GetString(replacement), start, end);
                start = end;
            }
            else
            {
                _ = Rune.DecodeFromUtf8(rest, out var rune, out matched);
                var length = rune.EncodeToUtf16(units);
                output.Write(units[..length], start, start + length);
                start += length;
            }
            rest = rest[matched..];
        }
    }

    /// <summary>The normalized text while it is written, with the rules about spaces.</summary>
    private sealed class Output(SentencePieceModel model, char space, AlignedText source)
    {
        private readonly AlignedText.Rewriter _text = new(source, source.Length + 8);
        private bool _hasBegun;
        private bool _isAfterSpace = model.RemovesExtraSpaces;

        /// <summary>Writes what a stretch of the source becomes.</summary>
        public void Write(ReadOnlySpan<char> text, int start, int end)
        {
            if (!_hasBegun && model.RemovesExtraSpaces && text is " ")
                return;
            if (!_hasBegun && model is { AddsDummyPrefix: true, MarksSpaceAsSuffix: false })
                _text.Append(space, from: start);
            _hasBegun = true;
            if (_isAfterSpace)
                text = text.TrimStart(' ');
            if (text.Length == 0)
                return;
            foreach (var unit in text)
                _text.Append(unit == ' ' ? space : unit, start, end);
            _isAfterSpace = model.RemovesExtraSpaces && text[^1] == ' ';
        }

        public AlignedText Complete()
        {
            if (model.RemovesExtraSpaces)
                _text.TrimEnd(space);
            if (_hasBegun && model is { AddsDummyPrefix: true, MarksSpaceAsSuffix: true })
                _text.Append(space, from: source.Length - 1);
            return _text.ToText();
        }
    }
}
