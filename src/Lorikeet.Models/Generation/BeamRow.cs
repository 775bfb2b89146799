using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Generation;

/// <summary>One prompt of a beam search: the search, and what ends its sequences.</summary>
internal sealed class BeamRow
{
    private readonly int[] _prompt;
    private readonly GenerationOptions _options;
    private readonly Tokenizer? _tokenizer;

    public BeamRow(int[] prompt, GenerationOptions options, Tokenizer? tokenizer)
    {
        (_prompt, _options, _tokenizer) = (prompt, options, tokenizer);
        NewTokens = options.NewTokensAfter(prompt.Length);
        Search = new BeamSearch(options, NewTokens, tokens => EndedBy(tokens) is not null);
    }

    public BeamSearch Search { get; }

    public int PromptLength => _prompt.Length;

    /// <summary>Most tokens a sequence may add.</summary>
    public int NewTokens { get; }

    /// <summary>Prompt and added tokens of a running sequence.</summary>
    public int[] Ids(int beam) => [.. _prompt, .. Search.Running[beam].Tokens];

    /// <summary>The best sequence known.</summary>
    public Continuation ToContinuation()
    {
        var best = Search.Best;
        var reason = EndedBy(best.Tokens)
            ?? (best.Tokens.Length == NewTokens ? FinishReason.Length : FinishReason.Cancelled);
        return new Continuation(
            _prompt, best.Tokens, _tokenizer is null ? null : Text(best.Tokens).Text, reason, best.Score);
    }

    private FinishReason? EndedBy(int[] tokens)
    {
        if (tokens.Length > 0 && _options.EndTokens.Contains(tokens[^1]))
            return FinishReason.EndToken;
        return _options.StopStrings.Count > 0 && Text(tokens).Stopped ? FinishReason.StopString : null;
    }

    private (string Text, bool Stopped) Text(int[] tokens)
    {
        var filter = new StopStringFilter(_options.StopStrings);
        int[] known = Array.FindAll(tokens, _tokenizer!.Knows); // ids that pad the embedding have no text
        var text = filter.Push(_tokenizer.Decode(known, skipSpecialTokens: true)) + filter.Flush();
        return (text, filter.Stopped);
    }
}
