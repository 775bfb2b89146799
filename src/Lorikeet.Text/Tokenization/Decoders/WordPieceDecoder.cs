namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>Joins tokens that continue a word and puts spaces between words.</summary>
/// <param name="prefix">What marks a token that continues a word.</param>
/// <param name="cleansUp">Whether spaces before punctuation and English contractions go.</param>
internal sealed class WordPieceDecoder(string prefix, bool cleansUp) : IDecoder
{
    private static readonly (string Found, string Written)[] s_cleanUps =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    public ITextSink Open(ITextSink next) => new Sink(prefix, cleansUp, next);

    private sealed class Sink(string prefix, bool cleansUp, ITextSink next) : WholeTokenSink
    {
        private bool _isFirst = true;

        public override void Complete() => next.Complete();

        protected override void WriteToken(ReadOnlySpan<char> token)
        {
            var text = token.ToString();
            if (!_isFirst)
                text = text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : " " + text;
            _isFirst = false;
            if (cleansUp)
            {
                foreach (var (found, written) in s_cleanUps)
                    text = text.Replace(found, written, StringComparison.Ordinal);
            }
            next.Write(text, starts: true, ends: true);
        }
    }
}
