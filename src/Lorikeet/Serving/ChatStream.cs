using System.Runtime.CompilerServices;
using Lorikeet.Models.Generation;

namespace Lorikeet.Serving;

/// <summary>One answer of several to a conversation: its text without calls of tools, and these apart.</summary>
internal sealed class ChatStream
{
    private readonly ToolCallReader? _calls;
    private readonly AnswerText? _text;
    private readonly bool _showsTokens;
    private readonly List<DecodedToken> _tokens = [];

    private ChatStream(ChatPrompt asked, bool showsTokens)
    {
        _calls = asked.Tools is { } tools ? new ToolCallReader(tools) : null;
        // Blanks may belong to a form, and around words they come from how a format is tokenized.
        _text = asked.Form is null || _calls is not null ? new AnswerText() : null;
        _showsTokens = showsTokens;
    }

    /// <summary>The pieces of all answers, as they come.</summary>
    public static async IAsyncEnumerable<ChatPiece> Of(
        Answering answering, ChatPrompt asked, ChatRequest request,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        ChatStream[] answers =
            [.. Enumerable.Range(0, request.Answers).Select(_ => new ChatStream(asked, request.TopLogProbabilities is not null))];
        var usage = new UsageSum(answers.Length);
        var requests = Answering.Repeat(asked.Request, asked.Form, answers.Length);
        await foreach (var (answer, piece) in answering.Decode(requests, cancellation).ConfigureAwait(false))
        {
            if (answers[answer].Next(answer, piece) is { } next)
                yield return next with { Usage = usage.Add(piece.Usage) };
        }
    }

    /// <summary>What a piece adds; null while nothing is certain.</summary>
    private ChatPiece? Next(int answer, DecodedPiece piece)
    {
        _tokens.AddRange(piece.Tokens);
        var text = _calls is null ? piece.Text : _calls.Push(piece.Text);
        if (piece.Finish is not null)
            text += _calls?.End();
        text = _text is null ? text : _text.Push(text);
        var calls = _calls?.TakeCalls() ?? [];
        if (text.Length == 0 && calls.Count == 0 && piece.Finish is null && !_showsTokens)
            return null;
        DecodedToken[] tokens = [.. _tokens];
        _tokens.Clear();
        return new ChatPiece(answer, text) { ToolCalls = calls, Tokens = tokens, Finish = FinishOf(piece.Finish) };
    }

    private ChatFinish? FinishOf(FinishReason? reason) => reason switch
    {
        null => null,
        FinishReason.Length => ChatFinish.Length,
        _ => _calls is { FoundAny: true } ? ChatFinish.ToolCalls : ChatFinish.Stop,
    };
}
