using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>The result of attention and what its backward pass needs.</summary>
/// <param name="attended">[tokens, heads · headSize].</param>
/// <param name="saved">Device-specific: log-sum-exp of the scores, random state ...</param>
internal sealed class AttentionOutput(Matrix attended, params Tensor[] saved) : IDisposable
{
    public Matrix Attended { get; } = attended;

    public IReadOnlyList<Tensor> Saved { get; } = saved;

    /// <summary>
    /// Where ranks share the batch: queries, keys and values of this rank's heads, and what attention returned of them.
    /// </summary>
    public (Matrix Qkv, AttentionOutput Output)? OfHeads { get; init; }

    public void Dispose()
    {
        Attended.Dispose();
        OfHeads?.Qkv.Dispose();
        OfHeads?.Output.Dispose();
        foreach (var tensor in Saved)
            tensor.Dispose();
    }
}
