namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>What a tokenizer without a decoder does: tokens with spaces between them.</summary>
internal sealed class SpaceJoiningDecoder : IDecoder
{
    public ITextSink Open(ITextSink next) => new Sink(next);

    private sealed class Sink(ITextSink next) : ITextSink
    {
        private bool _isFirst = true;

        public void Write(ReadOnlySpan<char> text, bool starts, bool ends)
        {
            if (starts && !_isFirst)
                next.Write(" ", starts: true, ends: true);
            _isFirst = false;
            next.Write(text, starts, ends);
        }

        public void Complete() => next.Complete();
    }
}
