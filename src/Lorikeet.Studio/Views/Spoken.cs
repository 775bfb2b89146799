using System.Text;
using Lorikeet.Data;
using Lorikeet.Formats;
using Lorikeet.Models.Generation;
using Lorikeet.Serving;
using Lorikeet.Studio.Work;

namespace Lorikeet.Studio.Views;

/// <summary>One speaker's answer, as it comes.</summary>
/// <param name="speaker">Who answers.</param>
public sealed class Spoken(string speaker)
{
    private readonly StringBuilder _text = new();
    private readonly List<int> _ids = [];
    private readonly List<ShownToken> _tokens = [];

    /// <summary>Who answers.</summary>
    public string Speaker => speaker;

    /// <summary>The answer so far.</summary>
    public string Text => _text.ToString();

    /// <summary>Its tokens so far.</summary>
    public IReadOnlyList<ShownToken> Tokens => _tokens;

    /// <summary>Whether it has ended.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Why it ended too early; null where it did not.</summary>
    public string? Fault { get; private set; }

    /// <summary>Tokens a second; null before the end.</summary>
    public double? TokensPerSecond { get; private set; }

    /// <summary>Asks, and takes what comes.</summary>
    /// <param name="host">The models.</param>
    /// <param name="messages">The conversation.</param>
    /// <param name="generation">How to answer.</param>
    /// <param name="changed">Called whenever something has come.</param>
    /// <param name="clock">Measures the speed.</param>
    /// <param name="cancellation">Ends the answer.</param>
    public async Task Ask(
        ModelHost host, IReadOnlyList<ChatMessage> messages, GenerationOptions generation, Func<Task> changed,
        TimeProvider clock, CancellationToken cancellation)
    {
        var begin = clock.GetTimestamp();
        try
        {
            var request = new ChatRequest
            { Model = speaker, Messages = messages, Generation = generation, TopLogProbabilities = 5 };
            await foreach (var piece in host.Chat(request, cancellation))
            {
                _text.Append(piece.Thought).Append(piece.Text);
                _tokens.AddRange(TokenTexts.Of(host, _ids, piece.Tokens));
                await changed();
            }
        }
        catch (OperationCanceledException)
        {
            // What has come stays.
        }
        catch (LorikeetException fault)
        {
            Fault = fault.Message;
        }

        // What ends an answer is a token, but no part of its text.
        if (_tokens is [.., { Text: { Length: > 0 } end }] && !Text.EndsWith(end.Trim(), StringComparison.Ordinal))
            _tokens.RemoveAt(_tokens.Count - 1);
        TokensPerSecond = _ids.Count / Math.Max(1e-3, clock.GetElapsedTime(begin).TotalSeconds);
        IsDone = true;
        await changed();
    }
}
