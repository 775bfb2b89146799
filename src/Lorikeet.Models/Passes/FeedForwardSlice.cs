namespace Lorikeet.Models.Passes;

/// <summary>
/// How many rows of a feed-forward exist at once. Gate, up and activation are 3 · inner wide, more than all else of a
/// layer that is recomputed; no row of them needs another, so a long batch computes them some rows after others.
/// </summary>
internal static class FeedForwardSlice
{
    /// <summary>Rows of a slice: weights, decompressed for each, cost a few percent of its GEMMs.</summary>
    public const int Rows = 8192;

    /// <summary>Rows at once in a pass over so many tokens; <see cref="int.MaxValue"/> for all.</summary>
    /// <param name="widths">Of the model's layers.</param>
    /// <param name="layers">The model's layers.</param>
    /// <param name="keptFrom">The first layer that keeps what its backward pass needs.</param>
    /// <param name="tokens">Of the largest batch.</param>
    /// <param name="rows">Rows of a slice.</param>
    public static int For(LayerWidths widths, int layers, int keptFrom, int tokens, int rows)
    {
        // Where a layer keeps gate and up, there is room for them. What lay in their place gets one of its own.
        var apart = (widths.QkvFitsGateUp ? widths.Qkv : 0) + (widths.RotatedFitsActivation ? widths.RotatedHeads : 0);
        return widths.FeedForwardDivides && keptFrom == layers && tokens >= 2 * rows
            && 3L * widths.Inner * (tokens - rows) > (long)tokens * apart
                ? rows
                : int.MaxValue;
    }

    /// <summary>The slices of a batch.</summary>
    /// <param name="tokens">Its tokens.</param>
    /// <param name="slice">Rows at once.</param>
    public static IReadOnlyList<(int Start, int Count)> Of(int tokens, int slice)
    {
        var slices = new List<(int, int)>();
        for (var start = 0; start < tokens; start += Math.Min(slice, tokens))
            slices.Add((start, Math.Min(slice, tokens - start)));
        return slices;
    }
}
