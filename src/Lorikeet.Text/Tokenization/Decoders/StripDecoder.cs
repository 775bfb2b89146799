namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>Takes a character off the beginning and the end of every token, up to a number of times.</summary>
internal sealed class StripDecoder(char content, int fromStart, int fromEnd) : IDecoder
{
    public ITextSink Open(ITextSink next) => new Sink(content, fromStart, fromEnd, next);

    private sealed class Sink(char content, int fromStart, int fromEnd, ITextSink next) : ITextSink
    {
        private int _leftToStrip;
        private int _heldBack;
        private bool _isStarting;

        public void Write(ReadOnlySpan<char> text, bool starts, bool ends)
        {
            if (starts)
                (_leftToStrip, _heldBack, _isStarting) = (fromStart, 0, true);
            while (_leftToStrip > 0 && text.Length > 0)
            {
                _leftToStrip = text[0] == content ? _leftToStrip - 1 : 0;
                text = text[0] == content ? text[1..] : text;
            }
            var kept = fromEnd > 0 ? text.TrimEnd(content) : text;
            if (kept.Length > 0)
                PassHeldBack(_heldBack);
            Pass(kept);
            _heldBack += text.Length - kept.Length;
            if (!ends)
                return;
            PassHeldBack(Math.Max(0, _heldBack - fromEnd));
            next.Write([], _isStarting, ends: true);
        }

        public void Complete() => next.Complete();

        private void PassHeldBack(int count)
        {
            for (var i = 0; i < count; i++)
                Pass([content]);
            _heldBack = 0;
        }

        private void Pass(ReadOnlySpan<char> text)
        {
            if (text.Length == 0)
                return;
            next.Write(text, _isStarting, ends: false);
            _isStarting = false;
        }
    }
}
