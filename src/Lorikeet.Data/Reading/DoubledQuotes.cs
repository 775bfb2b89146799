namespace Lorikeet.Data.Reading;

/// <summary>
/// Text of a csv file that writes \" for a quote in a cell, as it would be with doubled quotes: an escape before a
/// quote becomes a quote, and before an escape it goes away.
/// </summary>
internal sealed class DoubledQuotes(TextReader source, char escape) : TextReader
{
    private const char Quote = '"';

    private int _held = -1;

    /// <inheritdoc/>
    public override int Read()
    {
        if (_held >= 0)
        {
            var held = _held;
            _held = -1;
            return held;
        }

        var next = source.Read();
        if (next != escape)
            return next;
        if (source.Peek() == escape)
            return source.Read();
        if (source.Peek() != Quote)
            return next;
        _held = source.Read();
        return Quote;
    }

    /// <inheritdoc/>
    public override int Read(char[] buffer, int index, int count)
    {
        var read = 0;
        for (; read < count && Read() is >= 0 and var next; read++)
            buffer[index + read] = (char)next;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            source.Dispose();
        base.Dispose(disposing);
    }
}
