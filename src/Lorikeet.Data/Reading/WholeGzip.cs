using System.IO.Compression;

namespace Lorikeet.Data.Reading;

/// <summary>
/// A gzip file that is read to its end or refused. The framework's own stream ends without a word where a file was cut
/// off, be it in the middle of a block or in the checksum.
/// </summary>
/// <remarks>
/// A member with known content is put behind the file. Where the file is whole, that content comes out when the file
/// has been read; where it is not, the decoder takes the member for the rest of what it is in, and something else comes
/// out.
/// </remarks>
internal sealed class WholeGzip : Stream
{
    private const string CutShort = "it ends before its end, or its checksum is wrong.";

    private static readonly byte[] s_mark = [.. "the file ended where it should"u8];
    private static readonly byte[] s_member = Compress(s_mark);

    private readonly FollowedFile _file;
    private readonly GZipStream _content;
    private bool _isComplete;

    /// <summary>Reads a file, which is closed with the stream.</summary>
    public WholeGzip(Stream file)
    {
        _file = new FollowedFile(file, s_member);
        _content = new GZipStream(_file, CompressionMode.Decompress);
    }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The file is damaged or ends before its end.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (_isComplete || buffer.IsEmpty)
            return 0;

        // The decoder asks for input only when it has given out all it had, so what it gives after the file's last byte
        // was asked for is not of the file.
        try
        {
            var count = _content.Read(buffer);
            if (!_file.IsAtEnd)
                return count;
            Span<byte> rest = stackalloc byte[s_mark.Length + 1];
            var taken = Math.Min(count, rest.Length);
            buffer[..taken].CopyTo(rest);
            taken += _content.ReadAtLeast(rest[taken..], rest.Length - taken, throwOnEndOfStream: false);
            _isComplete = rest[..taken].SequenceEqual(s_mark);
        }
        catch (InvalidDataException fault)
        {
            throw new InvalidDataException(_file.IsAtEnd ? CutShort : "its bytes are not those of a gzip file.", fault);
        }

        return _isComplete ? 0 : throw new InvalidDataException(CutShort);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _content.Dispose();
        base.Dispose(disposing);
    }

    private static byte[] Compress(byte[] content)
    {
        using var member = new MemoryStream();
        using (var stream = new GZipStream(member, CompressionLevel.Optimal))
            stream.Write(content);
        return member.ToArray();
    }

    /// <summary>
    /// A file and what is put behind it; the last bytes of one and the first of the other never come at once.
    /// </summary>
    private sealed class FollowedFile(Stream file, byte[] behind) : Stream
    {
        private readonly MemoryStream _behind = new(behind, writable: false);

        /// <summary>Whether more was asked for than the file has.</summary>
        public bool IsAtEnd { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(Span<byte> buffer)
        {
            var count = IsAtEnd ? 0 : file.Read(buffer);
            if (count > 0 || buffer.IsEmpty)
                return count;
            IsAtEnd = true;
            return _behind.Read(buffer);
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush() { }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                file.Dispose();
            base.Dispose(disposing);
        }
    }
}
