namespace Lorikeet.Models.Passes.Decoding.Cuda;

/// <summary>Parts of a step, one after the other, that attend in one launch.</summary>
/// <param name="First">The first part.</param>
/// <param name="Count">How many.</param>
/// <param name="FirstRow">The first row.</param>
/// <param name="Rows">Rows of all of them.</param>
/// <param name="MostRows">Of a part.</param>
/// <param name="Tokens">Tokens that they see, one after the other.</param>
/// <param name="MostTokens">Of a sequence.</param>
/// <param name="IsLong">Whether flash attention is faster for them.</param>
internal readonly record struct PartRange(
    int First, int Count, int FirstRow, int Rows, int MostRows, int Tokens, int MostTokens, bool IsLong)
{
    private const int LongPart = 16; // rows of a sequence from which flash attention is faster

    /// <summary>
    /// The parts of a step in ranges that are as large as can be. Long ones have their keys and values gathered.
    /// </summary>
    /// <param name="parts">In the order of their rows.</param>
    /// <param name="mostGathered">Tokens that are gathered at once, unless one sequence alone has more.</param>
    public static List<PartRange> Of(IReadOnlyList<SequencePart> parts, int mostGathered)
    {
        var ranges = new List<PartRange>();
        for (var i = 0; i < parts.Count; i++)
        {
            var part = parts[i];
            var own = new PartRange(
                i, 1, part.FirstRow, part.Count, part.Count, part.Length, part.Length, part.Count >= LongPart);
            if (ranges is [.., var last] && last.IsLong == own.IsLong
                && (!own.IsLong || last.Tokens + own.Tokens <= mostGathered))
                ranges[^1] = last with
                {
                    Count = last.Count + 1,
                    Rows = last.Rows + own.Rows,
                    MostRows = Math.Max(last.MostRows, own.Rows),
                    Tokens = last.Tokens + own.Tokens,
                    MostTokens = Math.Max(last.MostTokens, own.Tokens),
                };
            else
                ranges.Add(own);
        }

        return ranges;
    }
}
