using Lorikeet.Models.Generation;

namespace Lorikeet.Serving;

/// <summary>The tokens of several answers to one prompt.</summary>
/// <param name="answers">How many there are.</param>
internal sealed class UsageSum(int answers)
{
    private int _left = answers;
    private TokenUsage _sum;

    /// <summary>Takes what one answer took, at its end; returns the sum after the last of them, null before.</summary>
    public TokenUsage? Add(TokenUsage one)
    {
        // The prompt is the same; only the first to read it found it in the cache by luck of others.
        var cached = _sum.PromptTokens == 0 ? one.CachedTokens : Math.Min(_sum.CachedTokens, one.CachedTokens);
        _sum = new TokenUsage(one.PromptTokens, cached, _sum.CompletionTokens + one.CompletionTokens);
        return --_left == 0 ? _sum : null;
    }
}
