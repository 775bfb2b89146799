namespace Lorikeet.Text.Tokenization;

/// <summary>Token ids with the stretch of text each came from.</summary>
/// <param name="Ids">Token ids, in order.</param>
/// <param name="Offsets">
/// Per id, the half-open range of UTF-16 code units of the input it covers; (0, 0) for tokens that come from no text.
/// </param>
public sealed record Encoding(int[] Ids, (int Start, int End)[] Offsets)
{
    /// <summary>Number of tokens.</summary>
    public int Length => Ids.Length;
}
