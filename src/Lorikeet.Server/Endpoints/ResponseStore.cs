using System.Text.Json;
using Lorikeet.Data;
using Lorikeet.Server.Protocol;

namespace Lorikeet.Server.Endpoints;

/// <summary>A response that is kept, with the conversation that it ends.</summary>
/// <param name="Response">The response.</param>
/// <param name="Conversation">Its turns, the response's included, without instructions.</param>
internal sealed record KeptResponse(ResponseObject Response, IReadOnlyList<ChatMessage> Conversation)
{
    // Of an object beside its texts.
    private const long Overhead = 100;

    /// <summary>
    /// Roughly the bytes that it takes: as JSON with all that it repeats of the request, and the turns.
    /// </summary>
    public long Size { get; } =
        JsonSerializer.SerializeToUtf8Bytes(Response, ProtocolJson.Wire.ResponseObject).LongLength
        + Conversation.Sum(SizeOf);

    private static long SizeOf(ChatMessage turn) => Overhead + SizeOf(turn.Content)
        + (turn.ToolCalls?.Sum(call => Overhead + SizeOf(call.Id) + SizeOf(call.Name) + SizeOf(call.Arguments)) ?? 0);

    private static long SizeOf(string? text) => sizeof(char) * (long)(text?.Length ?? 0);
}

/// <summary>
/// Responses that can be gone on from, in memory: each for who asked, and the oldest forgotten when there are too many.
/// </summary>
/// <param name="mostResponses">How many are kept.</param>
/// <param name="mostBytes">How many bytes all of them may take.</param>
internal sealed class ResponseStore(int mostResponses = 1000, long mostBytes = 64 << 20)
{
    private readonly LinkedList<(int Owner, KeptResponse Kept)> _byAge = new();
    private readonly Dictionary<(int Owner, string Id), LinkedListNode<(int Owner, KeptResponse Kept)>> _known = [];
    private readonly Lock _lock = new();
    private long _bytes;

    /// <summary>Keeps a response.</summary>
    /// <param name="owner">Who asked.</param>
    /// <param name="kept">The response.</param>
    public void Add(int owner, KeptResponse kept)
    {
        lock (_lock)
        {
            _known[(owner, kept.Response.Id)] = _byAge.AddLast((owner, kept));
            _bytes += kept.Size;
            while (_byAge.Count > mostResponses || (_bytes > mostBytes && _byAge.Count > 0))
                Forget(_byAge.First!);
        }
    }

    /// <summary>A response that is kept; null where there is none of the id for who asks.</summary>
    public KeptResponse? Find(int owner, string id)
    {
        lock (_lock)
            return _known.TryGetValue((owner, id), out var node) ? node.Value.Kept : null;
    }

    /// <summary>Forgets a response; false where there is none.</summary>
    public bool Remove(int owner, string id)
    {
        lock (_lock)
        {
            if (!_known.TryGetValue((owner, id), out var node))
                return false;
            Forget(node);
            return true;
        }
    }

    private void Forget(LinkedListNode<(int Owner, KeptResponse Kept)> node)
    {
        _bytes -= node.Value.Kept.Size;
        _known.Remove((node.Value.Owner, node.Value.Kept.Response.Id));
        _byAge.Remove(node);
    }
}
