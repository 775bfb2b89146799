using System.Text;
using Lorikeet.Formats;
using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>Replaces every match of a pattern within a token.</summary>
internal sealed class ReplaceDecoder(ITextPattern pattern, string content) : IDecoder
{
    public ITextSink Open(ITextSink next) => new Sink(pattern, content, next);

    private sealed class Sink(ITextPattern pattern, string content, ITextSink next) : WholeTokenSink
    {
        public override void Complete() => next.Complete();

        protected override void WriteToken(ReadOnlySpan<char> token)
        {
            var matches = pattern.FindMatches(token);
            if (matches.Count == 0)
            {
                next.Write(token, starts: true, ends: true);
                return;
            }
            var length = token.Length + (long)matches.Count * content.Length;
            if (length > ReadingLimits.Characters(token.Length))
                throw new ReadingLimitException($"its decoder makes {length} characters of a token of {token.Length}");

            var result = new StringBuilder(token.Length);
            var copied = 0;
            foreach (var (start, end) in matches)
            {
                result.Append(token[copied..start]).Append(content);
                copied = end;
            }
            next.Write(result.Append(token[copied..]).ToString(), starts: true, ends: true);
        }
    }
}
