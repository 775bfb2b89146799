using System.Net;
using System.Net.Http.Headers;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>A body that comes in pieces, as over a poor line.</summary>
internal sealed class SlowContent : HttpContent
{
    private const int Pieces = 8;
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(0.1);

    private readonly byte[] _body;

    public SlowContent(byte[] body)
    {
        _body = body;
        Headers.ContentType = new MediaTypeHeaderValue("application/json");
    }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        var size = 1 + _body.Length / Pieces;
        for (var at = 0; at < _body.Length; at += size)
        {
            await Task.Delay(s_pause);
            await stream.WriteAsync(_body.AsMemory(at, Math.Min(size, _body.Length - at)));
            await stream.FlushAsync();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _body.Length;
        return true;
    }
}
