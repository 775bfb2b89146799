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
    /// Where attention was computed on other rows than those it was asked for (ContextKernels, RepeatedHeads): their
    /// queries, keys and values, and what it returned of them.
    /// </summary>
    public (Matrix Qkv, AttentionOutput Output)? Inner { get; init; }

    public void Dispose()
    {
        Attended.Dispose();
        Inner?.Qkv.Dispose();
        Inner?.Output.Dispose();
        foreach (var tensor in Saved)
            tensor.Dispose();
    }
}
