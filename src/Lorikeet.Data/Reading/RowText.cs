namespace Lorikeet.Data.Reading;

/// <summary>
/// The text of a data file. Files may be of any length, and so may what a compressed one unfolds to; one row may not,
/// for it is held whole.
/// </summary>
/// <param name="source">The text; closed with this reader.</param>
/// <param name="file">Path of the file, for messages.</param>
/// <param name="limit">Most characters of a row.</param>
internal sealed class RowText(TextReader source, string file, long limit) : TextReader
{
    private readonly char[] _buffer = new char[1 << 15];
    private int _start;
    private int _end;
    private long _line = 1;
    private long _ofRow;

    /// <summary>Says that the row before is complete.</summary>
    /// <param name="line">Line of the row to come, or of the one before it.</param>
    public void BeginRow(long line) => (_line, _ofRow) = (line, 0);

    /// <summary>The next line, which is a row.</summary>
    public override string? ReadLine()
    {
        System.Text.StringBuilder? line = null;
        while (Fill())
        {
            var text = _buffer.AsSpan(_start, _end - _start);
            var length = text.IndexOfAny('\r', '\n');
            if (length < 0)
            {
                (line ??= new()).Append(text);
                Take(text.Length);
                continue;
            }

            var isReturn = text[length] == '\r';
            var row = line is null ? text[..length].ToString() : line.Append(text[..length]).ToString();
            _start += length + 1;
            if (isReturn && Fill() && _buffer[_start] == '\n')
                _start++;
            BeginRow(_line + 1);
            return row;
        }

        return line?.ToString();
    }

    /// <inheritdoc/>
    public override int Peek() => Fill() ? _buffer[_start] : -1;

    /// <inheritdoc/>
    public override int Read()
    {
        if (!Fill())
            return -1;
        var next = _buffer[_start];
        Take(1);
        return next;
    }

    /// <inheritdoc/>
    public override int Read(Span<char> buffer)
    {
        if (buffer.IsEmpty || !Fill())
            return 0;
        var count = Math.Min(buffer.Length, _end - _start);
        _buffer.AsSpan(_start, count).CopyTo(buffer);
        Take(count);
        return count;
    }

    /// <inheritdoc/>
    public override int Read(char[] buffer, int index, int count) => Read(buffer.AsSpan(index, count));

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            source.Dispose();
        base.Dispose(disposing);
    }

    private bool Fill()
    {
        if (_start < _end)
            return true;
        (_start, _end) = (0, source.Read(_buffer));
        return _end > 0;
    }

    private void Take(int count)
    {
        _start += count;
        _ofRow += count;
        if (_ofRow <= limit)
            return;
        throw new DatasetException(
            $"{file}:{_line}: a row at or after this line has more than {limit} characters, which is more than a row " +
            "of a file of this size may have, for a row is held whole. Is this the file you meant? Divide the row.");
    }
}
