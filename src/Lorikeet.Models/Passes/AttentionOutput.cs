using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>The result of attention and what its backward pass needs.</summary>
/// <param name="attended">[tokens, heads · headSize].</param>
/// <param name="saved">Device-specific: log-sum-exp of the scores, random state ...</param>
internal sealed class AttentionOutput(Matrix attended, params Tensor[] saved) : IDisposable
{
    public Matrix Attended { get; } = attended;

    public IReadOnlyList<Tensor> Saved { get; } = saved;

    public void Dispose()
    {
        Attended.Dispose();
        foreach (var tensor in Saved)
            tensor.Dispose();
    }
}
