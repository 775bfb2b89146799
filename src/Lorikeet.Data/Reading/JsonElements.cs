using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Data.Reading;

/// <summary>
/// The values of a JSON file one after the other: the elements of an array, or values that simply follow each other.
/// Only one of them is in memory at a time.
/// </summary>
/// <param name="text">The text of the file.</param>
/// <param name="file">Its path, for messages.</param>
internal sealed class JsonElements(TextReader text, string file)
{
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

    /// <summary>Line of the value read last, from 1.</summary>
    public long Line { get; private set; } = 1;

    /// <summary>Reads the next value; false at the end.</summary>
    /// <exception cref="DatasetException">The text is not JSON; the message names the line.</exception>
    public bool TryRead(out JsonNode? value)
    {
        value = null;
        while (true)
        {
            var reader = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _isComplete, _state);
            var step = Advance(ref reader, out var first);
            if (step == Step.End)
                return false;
            if (step == Step.NeedsMore)
            {
                Fill();
                continue;
            }

            var consumed = (int)reader.BytesConsumed;
            if (step == Step.Value)
            {
                Line = _lineOfStart + Lines(first);
                value = RowJson.Parse(_buffer.AsSpan(_start + first, consumed - first), file, Line);
            }

            _lineOfStart += Lines(consumed);
            _start += consumed;
            _state = reader.CurrentState;
            if (step == Step.Value)
                return true;
        }
    }

    private Step Advance(ref Utf8JsonReader reader, out int first)
    {
        first = 0;
        try
        {
            if (!reader.Read())
                return _isComplete ? Step.End : Step.NeedsMore;
            first = (int)reader.TokenStartIndex;

            // The brackets around rows; an array inside them is a row of the wrong kind.
            if (reader.CurrentDepth == 0 && reader.TokenType is JsonTokenType.StartArray or JsonTokenType.EndArray)
                return Step.Bracket;
            return reader.TrySkip() ? Step.Value : Step.NeedsMore;
        }
        catch (JsonException fault)
        {
            throw Explain(fault);
        }
    }

    /// <summary>Looks at the broken value alone, so that places are counted from its beginning.</summary>
    private LorikeetException Explain(JsonException fault)
    {
        var rest = _buffer.AsSpan(_start, _end - _start);
        var skipped = rest.Length - rest.TrimStart(" \t\r\n,"u8).Length;
        var line = _lineOfStart + Lines(skipped);
        var value = rest[skipped..];
        if (value is [(byte)']', ..] && rest[..skipped].IndexOf((byte)',') is >= 0 and var comma)
            return new DatasetException($"{file}:{_lineOfStart + Lines(comma)}: a comma before ']'. Remove it.", fault);
        if (value.IsEmpty)
        {
            return new DatasetException(
                $"{file}:{line}: the text ends in the middle of its list. It was probably cut short; fetch it again.",
                fault);
        }

        var alone = new Utf8JsonReader(value, new JsonReaderOptions { AllowMultipleValues = true });
        try
        {
            if (alone.Read())
                alone.Skip();
        }
        catch (JsonException ofValue)
        {
            return RowJson.Explain(value, file, line, ofValue);
        }

        return new DatasetException(
            $"{file}:{line} is not JSON: the value there is not one of a list of rows. An array of objects, or one " +
            "object a line, was expected. Correct the file.", fault);
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
        if (_buffer.Length - _end <= room)
            Grow();
        while (!_isComplete && _buffer.Length - _end > room)
        {
            var count = text.ReadBlock(_characters);
            _isComplete = count < _characters.Length;
            _end += _encoder.GetBytes(_characters.AsSpan(0, count), _buffer.AsSpan(_end), _isComplete);
        }
    }

    private void Grow()
    {
        if (_buffer.Length > Array.MaxLength / 2)
        {
            throw new DatasetException(
                $"{file}:{_lineOfStart}: a value that begins at or after this line has more than {_buffer.Length} " +
                "bytes. A list of smaller rows was expected. Write one row a line (jsonl).");
        }

        Array.Resize(ref _buffer, _buffer.Length * 2);
    }
}
