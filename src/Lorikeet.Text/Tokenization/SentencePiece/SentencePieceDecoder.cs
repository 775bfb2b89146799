using System.Buffers;
using System.Text;
using Lorikeet.Text.Tokenization.Decoders;
using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>Puts pieces together as SentencePiece does (<c>SentencePieceProcessor::Decode</c>).</summary>
/// <param name="model">Whose rules apply.</param>
/// <param name="shown">Control pieces that are written as they are; others are left out.</param>
internal sealed class SentencePieceDecoder(SentencePieceModel model, IReadOnlySet<string> shown) : IDecoder
{
    private readonly Dictionary<string, PieceKind>.AlternateLookup<ReadOnlySpan<char>> _kinds = model.Pieces
        .Where(piece => piece.Kind is PieceKind.Control or PieceKind.Unknown or PieceKind.Byte)
        .Where(piece => !shown.Contains(piece.Text))
        .ToDictionary(piece => piece.Text, piece => piece.Kind, StringComparer.Ordinal)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    public ITextSink Open(ITextSink next) => new Sink(this, model, next);

    private PieceKind KindOf(ReadOnlySpan<char> piece) =>
        _kinds.TryGetValue(piece, out var kind) ? kind : PieceKind.Normal;

    private sealed class Sink(SentencePieceDecoder decoder, SentencePieceModel model, ITextSink next) : WholeTokenSink
    {
        private readonly List<byte> _bytes = [];
        private bool _hasText;
        private bool _tookSpace;
        private bool _isAtBeginning = true;

        public override void Complete()
        {
            WriteBytes(areComplete: true);
            next.Complete();
        }

        protected override void WriteToken(ReadOnlySpan<char> piece)
        {
            var kind = decoder.KindOf(piece);
            if (kind == PieceKind.Byte && ByteTokens.TryParse(piece, out var value))
            {
                _bytes.Add(value);
                WriteBytes(areComplete: false);
                return;
            }
            WriteBytes(areComplete: true);
            _isAtBeginning &= !_tookSpace && !_hasText;
            _tookSpace = false;
            if (kind == PieceKind.Unknown)
                Write(model.UnknownSurface);
            else if (kind == PieceKind.Normal)
                Write(WithSpaces(piece));
        }

        // The space that encoding put before the text is taken off again, or all of them when it removes extra ones.
        private string WithSpaces(ReadOnlySpan<char> piece)
        {
            var dropsSpace = _isAtBeginning && (model.AddsDummyPrefix || model.RemovesExtraSpaces);
            if (dropsSpace && piece.StartsWith(Metaspace.Symbol))
            {
                piece = piece[1..];
                _tookSpace = !model.RemovesExtraSpaces;
            }
            return piece.ToString().Replace(Metaspace.Symbol, ' ');
        }

        private void WriteBytes(bool areComplete)
        {
            while (_bytes.Count > 0)
            {
                var status = Rune.DecodeFromUtf8([.. _bytes], out var rune, out var length);
                if (status == OperationStatus.NeedMoreData && !areComplete)
                    return;
                // A byte that begins no character stands alone, whatever comes after it.
                _bytes.RemoveRange(0, status == OperationStatus.Done ? length : 1);
                Write(rune.ToString());
            }
        }

        private void Write(string text)
        {
            _hasText |= text.Length > 0;
            next.Write(text, starts: true, ends: true);
        }
    }
}
