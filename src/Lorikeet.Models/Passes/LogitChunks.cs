namespace Lorikeet.Models.Passes;

/// <summary>
/// How many rows of logits [positions, vocabulary] exist at once. They are the largest tensor of a step, so heads make
/// them a chunk at a time.
/// </summary>
internal static class LogitChunks
{
    // 16 M logits are 64 MB in float32 and half of it in bfloat16: large enough for an efficient GEMM, small beside the
    // model.
    private const int Logits = 1 << 24;

    /// <summary>Rows of a chunk.</summary>
    /// <param name="vocabulary">Columns.</param>
    /// <param name="fewest">No fewer, however large the vocabulary is.</param>
    /// <param name="most">No more, however small it is.</param>
    public static int Rows(int vocabulary, int fewest = 1, int most = int.MaxValue) =>
        Math.Clamp(Logits / vocabulary, fewest, most);
}
