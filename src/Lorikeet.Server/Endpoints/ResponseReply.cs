using System.Text;
using Lorikeet.Data;
using Lorikeet.Models.Generation;
using Lorikeet.Server.Protocol;
using Lorikeet.Serving;

namespace Lorikeet.Server.Endpoints;

/// <summary>
/// A response as it grows, and the events that say so in OpenAI's order: an item is added, its parts, their deltas,
/// and each is done before what comes next.
/// </summary>
/// <param name="service">Names tokens.</param>
/// <param name="begun">The response before its first item.</param>
/// <param name="showsProbabilities">Whether the tokens' log-probabilities are given.</param>
internal sealed class ResponseReply(Service service, ResponseObject begun, bool showsProbabilities)
{
    private readonly List<OutputItem> _items = [];
    private readonly StringBuilder _text = new();
    private readonly List<ChatTokenProbability> _probabilities = [];
    private readonly List<ResponseEvent> _events = [];
    private string? _message; // id of the message that is being said
    private readonly StringBuilder _thoughts = new();
    private string? _thought; // id of the item that is being thought
    private int _sequence;

    /// <summary>The response as it is now.</summary>
    public ResponseObject Response { get; private set; } = begun;

    /// <summary>The events before the first item.</summary>
    public IReadOnlyList<ResponseEvent> Begin()
    {
        Say("response.created", like => like with { Response = Response });
        Say("response.in_progress", like => like with { Response = Response });
        return Take();
    }

    /// <summary>Takes what has come.</summary>
    public IReadOnlyList<ResponseEvent> Add(ChatPiece piece)
    {
        if (piece.Thought.Length > 0)
            AddThought(piece.Thought);
        if (piece.Text.Length > 0 || (showsProbabilities && piece.Tokens.Count > 0 && piece.ToolCalls.Count == 0))
            AddText(piece.Text, showsProbabilities ? service.Tokens.Describe(piece.Tokens) : []);
        foreach (var call in piece.ToolCalls)
            AddCall(call);

        if (piece.Finish is { } finish)
            End(finish, piece.Usage ?? default);
        return Take();
    }

    /// <summary>The event in place of those that do not come.</summary>
    public ResponseFault Fail(ApiException fault) =>
        new("error", fault.Code ?? fault.Type, fault.Message, fault.Param, _sequence++);

    private void AddThought(string text)
    {
        if (_thought is null)
        {
            _thought = Service.NewId("rs_");
            Say("response.output_item.added", like => like with
            {
                OutputIndex = _items.Count,
                Item = Thought("in_progress", []),
            });
        }

        _thoughts.Append(text);
        Say("response.reasoning_text.delta", like => OfThought(like) with { Delta = text });
    }

    private void EndThought()
    {
        if (_thought is null)
            return;
        var part = OutputPart.OfThought(_thoughts.ToString());
        Say("response.reasoning_text.done", like => OfThought(like) with { Text = part.Text });
        EndItem(Thought("completed", [part]));
        _thought = null;
    }

    private void AddText(string text, IReadOnlyList<ChatTokenProbability> probabilities)
    {
        if (_message is null)
            BeginMessage();
        _text.Append(text);
        _probabilities.AddRange(probabilities);
        Say("response.output_text.delta", like => OfPart(like) with { Delta = text, Logprobs = probabilities });
    }

    private void BeginMessage()
    {
        EndThought();
        _message = Service.NewId("msg_");
        Say("response.output_item.added", like => like with
        {
            OutputIndex = _items.Count,
            Item = Message("in_progress", []),
        });
        Say("response.content_part.added", like => OfPart(like) with { Part = OutputPart.Of("", []) });
    }

    private void EndMessage(string status)
    {
        if (_message is null)
            return;
        var part = OutputPart.Of(_text.ToString(), [.. _probabilities]);
        var item = Message(status, [part]);
        Say("response.output_text.done", like => OfPart(like) with { Text = part.Text, Logprobs = part.Logprobs });
        Say("response.content_part.done", like => OfPart(like) with { Part = part });
        EndItem(item);
        _message = null;
        _text.Clear();
        _probabilities.Clear();
    }

    private void AddCall(ToolCall call)
    {
        EndThought();
        EndMessage("completed");
        var item = new OutputItem
        {
            Type = "function_call",
            Id = Service.NewId("fc_"),
            Status = "completed",
            CallId = call.Id,
            Name = call.Name,
            Arguments = call.Arguments,
        };
        Say("response.output_item.added", like => like with
        {
            OutputIndex = _items.Count,
            Item = item with { Status = "in_progress", Arguments = "" },
        });
        Say("response.function_call_arguments.delta", like => like with
        {
            OutputIndex = _items.Count,
            ItemId = item.Id,
            Delta = call.Arguments,
        });
        Say("response.function_call_arguments.done", like => like with
        {
            OutputIndex = _items.Count,
            ItemId = item.Id,
            Name = call.Name,
            Arguments = call.Arguments,
        });
        EndItem(item);
    }

    private void End(ChatFinish finish, TokenUsage usage)
    {
        if (_message is null && _items.Count == 0 && _thought is null)
            BeginMessage();
        EndThought();
        var isWhole = finish != ChatFinish.Length;
        EndMessage(isWhole ? "completed" : "incomplete");
        Response = Response with
        {
            Status = isWhole ? "completed" : "incomplete",
            IncompleteDetails = isWhole ? null : new IncompleteDetails("max_output_tokens"),
            Usage = new ResponseUsage(
                usage.PromptTokens, new PromptTokensDetails(usage.CachedTokens), usage.CompletionTokens,
                new OutputTokensDetails(0), usage.PromptTokens + usage.CompletionTokens),
        };
        Say(isWhole ? "response.completed" : "response.incomplete", like => like with { Response = Response });
    }

    private void EndItem(OutputItem item)
    {
        Say("response.output_item.done", like => like with { OutputIndex = _items.Count, Item = item });
        _items.Add(item);
        Response = Response with { Output = [.. _items] };
    }

    private OutputItem Message(string status, IReadOnlyList<OutputPart> content) => new()
    {
        Type = "message",
        Id = _message!,
        Status = status,
        Role = "assistant",
        Content = content,
    };

    private OutputItem Thought(string status, IReadOnlyList<OutputPart> content) => new()
    {
        Type = "reasoning",
        Id = _thought!,
        Status = status,
        Summary = [],
        Content = content,
    };

    private ResponseEvent OfThought(ResponseEvent like) =>
        like with { OutputIndex = _items.Count, ItemId = _thought, ContentIndex = 0 };

    private ResponseEvent OfPart(ResponseEvent like) =>
        like with { OutputIndex = _items.Count, ItemId = _message, ContentIndex = 0 };

    private void Say(string type, Func<ResponseEvent, ResponseEvent> complete) =>
        _events.Add(complete(new ResponseEvent { Type = type, SequenceNumber = _sequence++ }));

    private IReadOnlyList<ResponseEvent> Take()
    {
        ResponseEvent[] taken = [.. _events];
        _events.Clear();
        return taken;
    }
}
