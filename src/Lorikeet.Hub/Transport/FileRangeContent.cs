using System.Net;

namespace Lorikeet.Hub.Transport;

/// <summary>A part of a file as a request's body; it can be sent again when a request is repeated.</summary>
/// <param name="path">The file.</param>
/// <param name="start">Where the part begins.</param>
/// <param name="length">Its length in bytes.</param>
/// <param name="onBytes">Called with every number of bytes sent, or taken back when the part is sent again.</param>
internal sealed class FileRangeContent(string path, long start, long length, Action<long> onBytes) : HttpContent
{
    private const int BufferSize = 1 << 18;

    private long _sent;

    /// <summary>Called whenever something was sent.</summary>
    public Action? OnSent { get; set; }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        onBytes(-_sent);
        _sent = 0;
        var file = File.OpenRead(path);
        await using (file.ConfigureAwait(false))
        {
            file.Position = start;
            var buffer = new byte[BufferSize];
            while (_sent < length)
            {
                var count = (int)Math.Min(buffer.Length, length - _sent);
                await file.ReadExactlyAsync(buffer.AsMemory(0, count)).ConfigureAwait(false);
                await stream.WriteAsync(buffer.AsMemory(0, count)).ConfigureAwait(false);
                _sent += count;
                onBytes(count);
                OnSent?.Invoke();
            }
        }
    }

    protected override bool TryComputeLength(out long computed)
    {
        computed = length;
        return true;
    }
}
