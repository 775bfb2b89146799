namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>Makes one token of all, for the steps after it.</summary>
internal sealed class FuseDecoder : IDecoder
{
    public ITextSink Open(ITextSink next) => new Sink(next);

    private sealed class Sink(ITextSink next) : ITextSink
    {
        private bool _started;

        public void Write(ReadOnlySpan<char> text, bool starts, bool ends)
        {
            next.Write(text, starts: !_started, ends: false);
            _started = true;
        }

        public void Complete()
        {
            next.Write([], starts: !_started, ends: true);
            next.Complete();
        }
    }
}
