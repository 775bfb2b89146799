using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Protocol;

/// <summary>Server-sent events of a response: each is written and sent at once.</summary>
internal sealed class EventStream
{
    private readonly PipeWriter _writer;
    private readonly CancellationToken _cancellation;

    /// <param name="context">Its response has not begun.</param>
    public EventStream(HttpContext context)
    {
        (_writer, _cancellation) = (context.Response.BodyWriter, context.RequestAborted);
        context.Features.Set(this);
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache, no-store";
        context.Response.Headers["X-Accel-Buffering"] = "no"; // nginx would collect the events otherwise
    }

    /// <summary>The stream of a request's response; null where it has none.</summary>
    public static EventStream? Of(HttpContext context) => context.Features.Get<EventStream>();

    /// <summary>Writes a fault in place of the rest, after the stream has begun.</summary>
    /// <value>As OpenAI's completions have it: the body of a refusal.</value>
    public Func<EventStream, ApiException, Task> WriteFault { get; init; } = (stream, fault) =>
        stream.Write(ErrorBody.Of(fault), ProtocolJson.Wire.ErrorBody);

    /// <summary>An event with one object.</summary>
    /// <param name="value">The object.</param>
    /// <param name="type">How it is written.</param>
    /// <param name="name">The event's name; null for none.</param>
    public async Task Write<T>(T value, JsonTypeInfo<T> type, string? name = null)
    {
        if (name is not null)
            Put($"event: {name}\n");
        Put("data: ");
        _writer.Write(JsonSerializer.SerializeToUtf8Bytes(value, type));
        Put("\n\n");
        await _writer.FlushAsync(_cancellation);
    }

    /// <summary>The end, as OpenAI's completions have it.</summary>
    public async Task WriteDone()
    {
        Put("data: [DONE]\n\n");
        await _writer.FlushAsync(_cancellation);
    }

    /// <summary>A comment, which clients skip, so that nothing between takes the connection for dead.</summary>
    public async Task WriteKeepAlive()
    {
        Put(": keep-alive\n\n");
        await _writer.FlushAsync(_cancellation);
    }

    private void Put(string text) => Encoding.UTF8.GetBytes(text, _writer);
}
