using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>Turns byte-level characters back into bytes and those into text; broken UTF-8 becomes U+FFFD.</summary>
internal sealed class ByteLevelDecoder : IDecoder
{
    public ITextSink Open(ITextSink next) => new Sink(next);

    private sealed class Sink(ITextSink next) : WholeTokenSink
    {
        private readonly System.Text.Decoder _utf8 = System.Text.Encoding.UTF8.GetDecoder();
        private byte[] _bytes = new byte[64];
        private char[] _chars = new char[64];
        private bool _started;

        public override void Complete()
        {
            Write(byteCount: 0, isLast: true);
            next.Complete();
        }

        protected override void WriteToken(ReadOnlySpan<char> token) => Write(ToBytes(token), isLast: false);

        private int ToBytes(ReadOnlySpan<char> token)
        {
            if (_bytes.Length < 3 * token.Length)
                _bytes = new byte[3 * token.Length];
            for (var i = 0; i < token.Length; i++)
            {
                // A token with any other character is an added token: it stands for itself.
                if (!ByteLevelAlphabet.TryGetByte(token[i], out _bytes[i]))
                    return System.Text.Encoding.UTF8.GetBytes(token, _bytes);
            }
            return token.Length;
        }

        private void Write(int byteCount, bool isLast)
        {
            // Up to three bytes may be left over from the token before.
            if (_chars.Length < byteCount + 4)
                _chars = new char[byteCount + 4];
            var count = _utf8.GetChars(_bytes.AsSpan(0, byteCount), _chars, isLast);
            if (count == 0 && !isLast)
                return;
            next.Write(_chars.AsSpan(0, count), !_started, isLast);
            _started = true;
        }
    }
}
