using System.Text;
using System.Text.Unicode;
using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tokenization.Decoders;

/// <summary>
/// Turns runs of byte tokens into the text they spell. A run that is not valid UTF-8 becomes one replacement character
/// per byte, so nothing of a run is certain before it ends.
/// </summary>
internal sealed class ByteFallbackDecoder : IDecoder
{
    public ITextSink Open(ITextSink next) => new Sink(next);

    private sealed class Sink(ITextSink next) : WholeTokenSink
    {
        private readonly List<byte> _run = [];

        public override void Complete()
        {
            EndRun();
            next.Complete();
        }

        protected override void WriteToken(ReadOnlySpan<char> token)
        {
            if (ByteTokens.TryParse(token, out var value))
            {
                _run.Add(value);
                return;
            }
            EndRun();
            next.Write(token, starts: true, ends: true);
        }

        private void EndRun()
        {
            if (_run.Count == 0)
                return;
            var bytes = _run.ToArray();
            _run.Clear();
            if (Utf8.IsValid(bytes))
            {
                next.Write(System.Text.Encoding.UTF8.GetString(bytes), starts: true, ends: true);
                return;
            }
            var replacement = Rune.ReplacementChar.ToString();
            foreach (var _ in bytes)
                next.Write(replacement, starts: true, ends: true);
        }
    }
}
