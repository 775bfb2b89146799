using Lorikeet.Data;
using Lorikeet.Server.Protocol;

namespace Lorikeet.Server.Endpoints;

/// <summary>A response that is kept, with the conversation that it ends.</summary>
/// <param name="Response">The response.</param>
/// <param name="Conversation">Its turns, the response's included, without instructions.</param>
internal sealed record KeptResponse(ResponseObject Response, IReadOnlyList<ChatMessage> Conversation)
{
    /// <summary>Roughly the characters that it takes.</summary>
    public long Size => Conversation.Sum(turn =>
        100L + turn.Content.Length + (turn.ToolCalls?.Sum(call => 100L + call.Arguments.Length) ?? 0));
}

/// <summary>
/// Responses that can be gone on from, in memory: each for who asked, and the oldest forgotten when there are too many.
/// </summary>
/// <param name="mostResponses">How many are kept.</param>
/// <param name="mostCharacters">How many characters all of them may take.</param>
internal sealed class ResponseStore(int mostResponses = 1000, long mostCharacters = 16 << 20)
{
    private readonly LinkedList<(int Owner, KeptResponse Kept)> _byAge = new();
    private readonly Dictionary<(int Owner, string Id), LinkedListNode<(int Owner, KeptResponse Kept)>> _known = [];
    private readonly Lock _lock = new();
    private long _characters;

    /// <summary>Keeps a response.</summary>
    /// <param name="owner">Who asked.</param>
    /// <param name="kept">The response.</param>
    public void Add(int owner, KeptResponse kept)
    {
        lock (_lock)
        {
            _known[(owner, kept.Response.Id)] = _byAge.AddLast((owner, kept));
            _characters += kept.Size;
            while (_byAge.Count > mostResponses || (_characters > mostCharacters && _byAge.Count > 0))
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
        _characters -= node.Value.Kept.Size;
        _known.Remove((node.Value.Owner, node.Value.Kept.Response.Id));
        _byAge.Remove(node);
    }
}
