using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// The frozen norms of queries and keys between their projection and their rotation: one 1/rms for each head, or one
/// for all of them.
/// </summary>
/// <param name="query">[headSize], or [heads · headSize] where one norm spans all; becomes its own.</param>
/// <param name="key">[headSize], or [keyValueHeads · headSize].</param>
internal sealed class HeadNorms(Tensor query, Tensor key) : IDisposable
{
    /// <summary>The weight on normalised queries.</summary>
    public Tensor Query { get; } = query.DetachFromDisposeScope();

    /// <summary>The weight on normalised keys.</summary>
    public Tensor Key { get; } = key.DetachFromDisposeScope();

    /// <summary>The norms of a layer; null where its queries and keys are not normalised.</summary>
    public static HeadNorms? Of(DecoderLayer layer, ScalarType type) =>
        layer is { QueryNorm: { } query, KeyNorm: { } key }
            ? new HeadNorms(NormFactor.Of(query, type), NormFactor.Of(key, type))
            : null;

    public void Dispose()
    {
        Query.Dispose();
        Key.Dispose();
    }
}
