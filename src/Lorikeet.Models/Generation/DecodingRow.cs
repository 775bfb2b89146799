using System.Text;
using Lorikeet.Formats;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Generation;

/// <summary>One prompt on its way to a continuation.</summary>
internal sealed class DecodingRow
{
    private readonly GenerationOptions _options;
    private readonly Tokenizer? _tokenizer;
    private readonly StreamingDecoder? _decoder;
    private readonly StopStringFilter _stop;
    private readonly StringBuilder _text = new();
    private readonly int[] _ids;
    private int _taken;

    /// <summary>Starts with the prompt alone.</summary>
    /// <param name="key">Keys its random numbers; see <see cref="KeyOf"/>.</param>
    /// <param name="prompt">Token ids, at least one.</param>
    /// <param name="options">Limits, end tokens and stop strings.</param>
    /// <param name="tokenizer">Turns ids into text; null leaves the text out.</param>
    /// <param name="isScoredOnly">Whether the prompt is read and nothing is added to it.</param>
    public DecodingRow(
        ulong key, int[] prompt, GenerationOptions options, Tokenizer? tokenizer, bool isScoredOnly = false)
    {
        IsScoredOnly = isScoredOnly;
        Key = key;
        _options = options;
        var newTokens = options.NewTokensAfter(prompt.Length);
        _tokenizer = tokenizer;
        _decoder = tokenizer is null ? null : new StreamingDecoder(tokenizer, skipSpecialTokens: true);
        _stop = new StopStringFilter(options.StopStrings);
        _ids = new int[prompt.Length + newTokens];
        prompt.CopyTo(_ids, 0);
        (PromptLength, Length) = (prompt.Length, prompt.Length);
        if (newTokens == 0 && !isScoredOnly)
            End(FinishReason.Length);
    }

    /// <summary>Keys the row's random numbers.</summary>
    public ulong Key { get; }

    public int PromptLength { get; }

    /// <summary>Prompt and answer so far.</summary>
    public ReadOnlySpan<int> Ids => _ids.AsSpan(0, Length);

    public int Length { get; private set; }

    /// <summary>Some of <see cref="Ids"/>.</summary>
    public ReadOnlyMemory<int> Part(int start, int count) => _ids.AsMemory(start, count);

    /// <summary>Whether the row ends once its prompt is read.</summary>
    public bool IsScoredOnly { get; }

    /// <summary>Tokens this row can reach.</summary>
    public int Capacity => _ids.Length;

    /// <summary>Why the row ended; null while it goes on.</summary>
    public FinishReason? Finish { get; private set; }

    /// <summary>The key of a prompt: its tokens, and how many equal prompts came before it.</summary>
    public static ulong KeyOf(IReadOnlyList<int> prompt, int repetition)
    {
        var key = (ulong)repetition;
        foreach (var id in prompt)
            key = CounterRandom.Hash(key, RandomPurpose.Sampling, (ulong)id);
        return key;
    }

    /// <summary>What the answer must look like, told of each token; null for any text.</summary>
    public TokenConstraint? Constraint { get; init; }

    /// <summary>Takes the next token; the row may end with it.</summary>
    public void Add(int id)
    {
        _ids[Length++] = id;
        Constraint?.Accept(id);
        var ended = _options.EndTokens.Contains(id);
        if (!ended && _decoder is not null && _tokenizer!.Knows(id)) // ids that pad the embedding have no text
            _text.Append(_stop.Push(_decoder.Append(id)));
        if (ended)
            End(FinishReason.EndToken);
        else if (_stop.Stopped)
            End(FinishReason.StopString);
        else if (Constraint is { IsComplete: true })
            End(FinishReason.EndToken);
        else if (Length == Capacity)
            End(FinishReason.Length);
    }

    /// <summary>Ends the row here.</summary>
    public void End(FinishReason reason)
    {
        if (Finish is not null)
            return;
        Finish = reason;
        if (_decoder is not null)
            _text.Append(_stop.Push(_decoder.Flush())).Append(_stop.Flush());
    }

    /// <summary>Ends the row where nobody wants what is left of its text.</summary>
    public void Abandon() => Finish ??= FinishReason.Cancelled;

    /// <summary>Text that became certain since the last call.</summary>
    public string TakeText()
    {
        var piece = _text.ToString(_taken, _text.Length - _taken);
        _taken = _text.Length;
        return piece;
    }

    /// <summary>The outcome, once <see cref="Finish"/> is set.</summary>
    public Continuation ToContinuation() => new(
        _ids[..PromptLength], _ids[PromptLength..Length], _decoder is null ? null : _text.ToString(), Finish!.Value);
}
