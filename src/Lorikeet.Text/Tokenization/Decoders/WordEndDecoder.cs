namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>Turns the mark at the end of words into a space, except after the last token.</summary>
internal sealed class WordEndDecoder(string suffix) : IDecoder
{
    public ITextSink Open(ITextSink next) => new Sink(suffix, next);

    private sealed class Sink(string suffix, ITextSink next) : WholeTokenSink
    {
        // Only the token after it shows whether a token is the last of its word.
        private string? _heldBack;

        public override void Complete()
        {
            Pass("");
            next.Complete();
        }

        protected override void WriteToken(ReadOnlySpan<char> token)
        {
            Pass(" ");
            _heldBack = token.ToString();
        }

        private void Pass(string replacement)
        {
            if (_heldBack is not null)
                next.Write(_heldBack.Replace(suffix, replacement, StringComparison.Ordinal), starts: true, ends: true);
            _heldBack = null;
        }
    }
}
