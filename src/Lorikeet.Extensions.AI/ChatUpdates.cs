using System.Text.Json;
using Lorikeet.Data;
using Lorikeet.Models.Generation;
using Lorikeet.Serving;
using Microsoft.Extensions.AI;

namespace Lorikeet.Extensions.AI;

/// <summary>What comes of an answer, as updates of one message of Microsoft.Extensions.AI.</summary>
/// <param name="request">What was asked.</param>
/// <param name="options">How.</param>
/// <param name="created">When the answer began.</param>
internal sealed class ChatUpdates(
    ChatRequest request, ChatOptions options, DateTimeOffset created)
{
    private readonly string _id = $"chatcmpl-{Guid.NewGuid():N}";

    /// <summary>A piece as an update; its text, calls, end and usage.</summary>
    public ChatResponseUpdate Of(ChatPiece piece)
    {
        var contents = new List<AIContent>();
        if (piece.Thought.Length > 0 && options.Reasoning?.Output != ReasoningOutput.None)
            contents.Add(new TextReasoningContent(piece.Thought));
        if (piece.Text.Length > 0)
            contents.Add(new TextContent(piece.Text));
        contents.AddRange(piece.ToolCalls.Select(Call));
        if (piece.Usage is { } usage)
            contents.Add(new UsageContent(Details(usage)));
        return new ChatResponseUpdate(ChatRole.Assistant, contents)
        {
            ResponseId = _id,
            MessageId = _id,
            ModelId = request.Model,
            CreatedAt = created,
            FinishReason = Finish(piece.Finish),
            RawRepresentation = piece,
        };
    }

    /// <summary>Whether a piece has anything that an update would show.</summary>
    public bool IsSeen(ChatPiece piece) =>
        (piece.Thought.Length | piece.Text.Length) > 0 || piece.ToolCalls.Count > 0 || piece.Finish is not null
        || piece.Usage is not null || request.TopLogProbabilities is not null;

    private static FunctionCallContent Call(ToolCall call) => FunctionCallContent.CreateFromParsedArguments(
        call.Arguments, call.Id, call.Name, json => (IDictionary<string, object?>?)JsonSerializer.Deserialize(
            json, AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(IDictionary<string, object?>))));

    private static UsageDetails Details(TokenUsage usage) => new()
    {
        InputTokenCount = usage.PromptTokens,
        CachedInputTokenCount = usage.CachedTokens,
        OutputTokenCount = usage.CompletionTokens,
        TotalTokenCount = usage.PromptTokens + usage.CompletionTokens,
    };

    private static ChatFinishReason? Finish(ChatFinish? finish) => finish switch
    {
        ChatFinish.Stop => ChatFinishReason.Stop,
        ChatFinish.Length => ChatFinishReason.Length,
        ChatFinish.ToolCalls => ChatFinishReason.ToolCalls,
        _ => null,
    };
}
