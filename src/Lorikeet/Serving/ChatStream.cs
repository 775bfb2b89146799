using System.Runtime.CompilerServices;
using Lorikeet.Models.Generation;

namespace Lorikeet.Serving;

/// <summary>One answer of several to a conversation: its text without calls of tools, and these apart.</summary>
internal sealed class ChatStream
{
    private readonly ThoughtReader? _thoughts;
    private readonly ToolCallReader? _calls;
    private readonly AnswerText? _text;
    private readonly bool _endsWithCall;
    private readonly bool _showsTokens;
    private readonly List<DecodedToken> _tokens = [];

    private ChatStream(ChatPrompt asked, ChatRequest request)
    {
        _thoughts = asked.Thoughts();
        _calls = asked.Tools is { } tools ? new ToolCallReader(tools) : null;
        // Blanks may belong to a form, and around words they come from how a format is tokenized.
        _text = asked.Form is null || _calls is not null ? new AnswerText() : null;
        (_endsWithCall, _showsTokens) = (!request.SeveralToolCalls, request.TopLogProbabilities is not null);
    }

    /// <summary>Whether nothing more is wanted: the only call that may be made is there.</summary>
    private bool IsDone => _endsWithCall && _calls is { FoundAny: true };

    /// <summary>The pieces of all answers, as they come.</summary>
    public static async IAsyncEnumerable<ChatPiece> Of(
        Answering answering, ChatPrompt asked, ChatRequest request,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        ChatStream[] answers = [.. Enumerable.Range(0, request.Answers).Select(_ => new ChatStream(asked, request))];
        var usage = new UsageSum(answers.Length);
        var requests = Answering.Repeat(asked.Request, asked.Form, answers.Length);
        await foreach (var (answer, piece) in answering.Decode(requests, answer => answers[answer].IsDone, cancellation)
            .ConfigureAwait(false))
        {
            if (answers[answer].Next(answer, piece) is { } next)
                yield return next.Finish is null ? next : next with { Usage = usage.Add(piece.Usage) };
        }
    }

    /// <summary>What a piece adds; null while nothing is certain.</summary>
    private ChatPiece? Next(int answer, DecodedPiece piece)
    {
        _tokens.AddRange(piece.Tokens);
        var (thought, text) = _thoughts?.Push(piece.Text, piece.Finish is not null) ?? ("", piece.Text);
        text = _calls is null ? text : _calls.Push(text);
        if (piece.Finish is not null)
            text += _calls?.End();
        text = _text is null ? text : _text.Push(text);
        var calls = _calls?.TakeCalls() ?? [];
        var finish = IsDone ? ChatFinish.ToolCalls : FinishOf(piece.Finish);
        if ((thought.Length | text.Length | calls.Count) == 0 && finish is null && !_showsTokens)
            return null;
        DecodedToken[] tokens = [.. _tokens];
        _tokens.Clear();
        return new ChatPiece(answer, text)
        {
            Thought = thought,
            ToolCalls = IsDone ? [.. calls.Take(1)] : calls,
            Tokens = tokens,
            Finish = finish,
            UsageSoFar = piece.Usage,
        };
    }

    private ChatFinish? FinishOf(FinishReason? reason) => reason switch
    {
        null => null,
        FinishReason.Length => ChatFinish.Length,
        _ => _calls is { FoundAny: true } ? ChatFinish.ToolCalls : ChatFinish.Stop,
    };
}
