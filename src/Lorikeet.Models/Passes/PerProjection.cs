using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

/// <summary>One of something for each GEMM of a layer: projections that read the same input are one.</summary>
/// <param name="Qkv">Queries, keys and values.</param>
/// <param name="Output">What attention returns, back to the residual stream.</param>
/// <param name="GateUp">Gate and up.</param>
/// <param name="Down">Down, back to the residual stream.</param>
internal sealed record PerProjection<T>(T Qkv, T Output, T GateUp, T Down)
{
    /// <summary>All four, in the order of the forward pass.</summary>
    public IReadOnlyList<T> All => [Qkv, Output, GateUp, Down];

    /// <summary>Something made of each, in the order of the forward pass.</summary>
    public PerProjection<TResult> Select<TResult>(Func<T, TResult> make) =>
        new(make(Qkv), make(Output), make(GateUp), make(Down));
}

/// <summary>Which projections of a layer are one GEMM.</summary>
internal static class PerProjection
{
    /// <summary>
    /// The projections of a layer, those that share an input together; none where experts are in their place.
    /// </summary>
    public static PerProjection<IReadOnlyList<Projection>> Of(DecoderLayer layer) =>
        new(layer.Qkv, [layer.Output], layer.GateUp, layer.Down is { } down ? [down] : []);
}
