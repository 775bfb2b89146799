using System.IO.Hashing;

namespace Lorikeet.Formats.Safetensors;

/// <summary>Passes on what is written and takes its checksum.</summary>
internal sealed class ChecksumStream(Stream target) : Stream
{
    private readonly XxHash128 _hash = new();

    /// <summary>The checksum of all that was written.</summary>
    public string Digits => Checksum.Digits(_hash);

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => target.Length;

    public override long Position
    {
        get => target.Position;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _hash.Append(buffer);
        target.Write(buffer);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => target.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
