using Lorikeet.Data;
using Lorikeet.Models.Generation;
using Lorikeet.Serving;

namespace Lorikeet.Tests.Serving;

/// <summary>What tests of a host ask, and what they read of its answers.</summary>
internal static class Asking
{
    /// <summary>
    /// A small cache and short steps, so that prompts are read in parts and sequences wait for each other.
    /// </summary>
    public static EngineOptions Small { get; } = new()
    {
        MaxSequences = 4,
        MaxStepTokens = 8,
        MaxLength = 128,
        CacheBytes = 8 << 20,
    };

    public static ChatRequest Of(string question, string? model = null, int tokens = 12) => new()
    {
        Model = model,
        Messages = [new ChatMessage("user", question)],
        Generation = new() { MaxNewTokens = tokens },
    };

    public static async Task<Answer> Ask(
        this ModelHost host, ChatRequest request, CancellationToken cancellation = default) =>
        (await host.AskAll(request, cancellation))[0];

    /// <summary>All answers to a request.</summary>
    public static async Task<Answer[]> AskAll(
        this ModelHost host, ChatRequest request, CancellationToken cancellation = default)
    {
        var pieces = new List<ChatPiece>();
        await foreach (var piece in host.Chat(request, cancellation))
            pieces.Add(piece);
        return [.. Enumerable.Range(0, request.Answers)
            .Select(i => new Answer([.. pieces.Where(piece => piece.Answer == i)], pieces[^1].Usage!.Value))];
    }

    /// <summary>An answer in the pieces in which it came.</summary>
    internal sealed record Answer(IReadOnlyList<ChatPiece> Pieces, TokenUsage Usage)
    {
        public string Text => string.Concat(Pieces.Select(piece => piece.Text));

        public ChatFinish Finish => Pieces[^1].Finish!.Value;

        public IReadOnlyList<ToolCall> Calls => [.. Pieces.SelectMany(piece => piece.ToolCalls)];
    }
}
