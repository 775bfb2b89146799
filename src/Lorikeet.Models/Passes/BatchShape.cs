using Lorikeet.Data.Batches;

namespace Lorikeet.Models.Passes;

/// <summary>The size of a batch, as far as memory depends on it.</summary>
/// <param name="Tokens">Tokens of all rows.</param>
/// <param name="Rows">Rows, which attention keeps apart.</param>
/// <param name="Longest">Tokens of the longest row.</param>
public readonly record struct BatchShape(int Tokens, int Rows, int Longest)
{
    /// <summary>Whether all rows have the same length.</summary>
    public bool IsUniform => (long)Rows * Longest == Tokens;

    /// <summary>The same with as many tokens as the optimized pass fills a batch up to.</summary>
    internal BatchShape Filled()
    {
        var tokens = (Tokens + TokenMultiple - 1) / TokenMultiple * TokenMultiple;
        return tokens == Tokens ? this : new BatchShape(tokens, Rows + 1, Math.Max(Longest, tokens - Tokens));
    }

    /// <summary>
    /// Fewer different sizes: libraries compile a GEMM for a shape once, which takes longer than a small one itself,
    /// and the views of the buffers are used again.
    /// </summary>
    internal const int TokenMultiple = 64;
}
