using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Data.Reading;

/// <summary>
/// The values of a JSON file one after the other: the elements of an array, or values that simply follow each other.
/// Only one of them is in memory at a time.
/// </summary>
internal sealed class JsonElements(TextReader text)
{
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false };

    private readonly char[] _characters = new char[1 << 14];
    private readonly Encoder _encoder = Encoding.UTF8.GetEncoder();
    private JsonReaderState _state = new(new JsonReaderOptions { AllowMultipleValues = true });
    private byte[] _buffer = new byte[1 << 18];
    private int _start;
    private int _end;
    private long _lineOfStart = 1;
    private bool _isComplete;

    private enum Step
    {
        Value,
        Bracket,
        NeedsMore,
        End,
    }

    /// <summary>Line of the value read last, from 1; after a fault, that of the fault.</summary>
    public long Line { get; private set; } = 1;

    /// <summary>Reads the next value; false at the end.</summary>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    public bool TryRead(out JsonNode? value)
    {
        value = null;
        while (true)
        {
            var reader = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _isComplete, _state);
            var step = Advance(ref reader, out var first);
            if (step == Step.End) return false;
            if (step == Step.NeedsMore)
            {
                Fill();
                continue;
            }

            var consumed = (int)reader.BytesConsumed;
            if (step == Step.Value)
            {
                Line = _lineOfStart + Lines(first);
                value = JsonNode.Parse(_buffer.AsSpan(_start + first, consumed - first), documentOptions: s_options);
            }

            _lineOfStart += Lines(consumed);
            _start += consumed;
            _state = reader.CurrentState;
            if (step == Step.Value) return true;
        }
    }

    private Step Advance(ref Utf8JsonReader reader, out int first)
    {
        first = 0;
        try
        {
            if (!reader.Read()) return _isComplete ? Step.End : Step.NeedsMore;
            first = (int)reader.TokenStartIndex;

            // The brackets around rows; an array inside them is a row of the wrong kind.
            if (reader.CurrentDepth == 0 && reader.TokenType is JsonTokenType.StartArray or JsonTokenType.EndArray)
                return Step.Bracket;
            return reader.TrySkip() ? Step.Value : Step.NeedsMore;
        }
        catch (JsonException)
        {
            Line = _lineOfStart + Lines((int)reader.BytesConsumed);
            throw;
        }
    }

    private int Lines(int bytes) => _buffer.AsSpan(_start, bytes).Count((byte)'\n');

    /// <summary>
    /// Fills the buffer, which doubles when one value takes all of it, so that the bytes of a large one are not
    /// looked at again and again.
    /// </summary>
    private void Fill()
    {
        Buffer.BlockCopy(_buffer, _start, _buffer, 0, _end - _start);
        (_start, _end) = (0, _end - _start);

        // A character is at most three bytes for each of its UTF-16 units.
        var room = 3 * _characters.Length;
        if (_buffer.Length - _end <= room) Array.Resize(ref _buffer, checked(_buffer.Length * 2));
        while (!_isComplete && _buffer.Length - _end > room)
        {
            var count = text.ReadBlock(_characters);
            _isComplete = count < _characters.Length;
            _end += _encoder.GetBytes(_characters.AsSpan(0, count), _buffer.AsSpan(_end), _isComplete);
        }
    }
}
