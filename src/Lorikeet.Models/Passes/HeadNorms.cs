using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// The frozen norms of queries and keys between their projection and their rotation; one 1/rms for each head.
/// </summary>
/// <param name="query">[headSize], in the compute type; becomes its own.</param>
/// <param name="key">As long.</param>
internal sealed class HeadNorms(Tensor query, Tensor key) : IDisposable
{
    /// <summary>The weight on normalised queries.</summary>
    public Tensor Query { get; } = query.DetachFromDisposeScope();

    /// <summary>The weight on normalised keys.</summary>
    public Tensor Key { get; } = key.DetachFromDisposeScope();

    /// <summary>The norms of a layer; null where its queries and keys are not normalised.</summary>
    public static HeadNorms? Of(DecoderLayer layer, ScalarType type) =>
        layer is { QueryNorm: { } query, KeyNorm: { } key }
            ? new HeadNorms(query.Weight.to_type(type), key.Weight.to_type(type))
            : null;

    public void Dispose()
    {
        Query.Dispose();
        Key.Dispose();
    }
}
