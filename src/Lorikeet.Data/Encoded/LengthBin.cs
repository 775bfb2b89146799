namespace Lorikeet.Data.Encoded;

/// <summary>Rows of similar length.</summary>
/// <param name="From">Tokens of the shortest that it counts.</param>
/// <param name="To">Tokens of the longest.</param>
/// <param name="Rows">How many there are.</param>
public sealed record LengthBin(int From, int To, int Rows)
{
    private const int MostBins = 16;

    /// <summary>
    /// How lengths are distributed: up to 16 bins of equal width, a power of two, from 1 to the longest.
    /// </summary>
    /// <param name="lengths">Tokens of each row.</param>
    public static IReadOnlyList<LengthBin> Histogram(IReadOnlyList<int> lengths)
    {
        if (lengths.Count == 0)
            return [];
        var (longest, width) = (lengths.Max(), 1);
        while ((longest + width - 1) / width > MostBins)
            width *= 2;
        var counts = new int[(longest + width - 1) / width];
        foreach (var length in lengths)
            counts[Math.Max(0, length - 1) / width]++;
        return [.. counts.Select((rows, bin) => new LengthBin(bin * width + 1, (bin + 1) * width, rows))];
    }
}
