namespace Lorikeet.Data.Reading.Parquet;

/// <summary>
/// A parquet file with its footer written anew. A byte asked for after the end is an error: Parquet.Net takes it for
/// 255 and reads on for ever.
/// </summary>
internal sealed class CheckedParquet(Stream file, ParquetFooter footer) : Stream
{
    private readonly byte[] _tail = footer.Tail();

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => footer.Start + _tail.Length;

    public override long Position { get; set; }

    public override int Read(Span<byte> buffer)
    {
        var place = Position;
        var count = 0;
        if (place < footer.Start)
        {
            file.Position = place;
            count = file.Read(buffer[..(int)Math.Min(buffer.Length, footer.Start - place)]);
        }
        else if (place < Length)
        {
            var rest = _tail.AsSpan((int)(place - footer.Start));
            count = Math.Min(buffer.Length, rest.Length);
            rest[..count].CopyTo(buffer);
        }

        Position += count;
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellation = default) =>
        new(Read(buffer.Span));

    public override int ReadByte()
    {
        Span<byte> one = stackalloc byte[1];
        return Read(one) == 1 ? one[0] : throw new EndOfStreamException("it goes on after its end.");
    }

    public override long Seek(long offset, SeekOrigin origin) => Position = offset + origin switch
    {
        SeekOrigin.Begin => 0,
        SeekOrigin.Current => Position,
        _ => Length,
    };

    public override void Flush() { }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
