namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>Turns the visible spaces back into spaces; the first token may lose them instead.</summary>
/// <param name="replacement">The visible space.</param>
/// <param name="dropsFirst">Whether those of the first token were put there by the tokenizer.</param>
internal sealed class MetaspaceDecoder(char replacement, bool dropsFirst) : IDecoder
{
    public ITextSink Open(ITextSink next) => new Sink(replacement, dropsFirst, next);

    private sealed class Sink(char replacement, bool dropsFirst, ITextSink next) : WholeTokenSink
    {
        private bool _isFirst = true;

        public override void Complete() => next.Complete();

        protected override void WriteToken(ReadOnlySpan<char> token)
        {
            var drops = _isFirst && dropsFirst;
            _isFirst = false;
            var text = token.ToString();
            text = drops
                ? text.Replace(replacement.ToString(), "", StringComparison.Ordinal)
                : text.Replace(replacement, ' ');
            next.Write(text, starts: true, ends: true);
        }
    }
}
