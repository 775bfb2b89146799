using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>The rotary position embeddings of a model: one for all layers that rotate alike.</summary>
internal sealed class LayerRotations : IDisposable
{
    private readonly RotaryEmbedding[] _embeddings;
    private readonly int[] _ofLayer; // index of its embedding; -1 where positions are not rotated

    /// <summary>Prepares the embeddings of a model's layers.</summary>
    public LayerRotations(ModelConfig config, Device device)
    {
        RopeSettings?[] ropes = [.. Enumerable.Range(0, config.LayerCount).Select(layer => config.Layer(layer).Rope)];
        RopeSettings[] distinct = [.. ropes.OfType<RopeSettings>().Distinct()];
        _ofLayer = [.. ropes.Select(rope => rope is null ? -1 : Array.IndexOf(distinct, rope))];
        DependOnLength = distinct.Any(rope => rope.DependsOnLength);
        _embeddings = [.. distinct
            .Select(rope => new RotaryEmbedding(rope, config.RotarySize, config.MaxPositions, device))];
    }

    /// <summary>Whether a token is rotated otherwise in a longer sequence.</summary>
    public bool DependOnLength { get; }

    /// <summary>The rotation of the given positions in each layer; null in those that do not rotate.</summary>
    /// <param name="positions">int64 [tokens].</param>
    /// <param name="length">One more than the largest position.</param>
    /// <param name="type">The compute type.</param>
    public IReadOnlyList<Rotation?> At(Tensor positions, int length, ScalarType type) =>
        ByLayer([.. _embeddings.Select(embedding => embedding.At(positions, length, type))]);

    /// <summary>Rotations of several lists of positions as of one: those of one list after those of another.</summary>
    public IReadOnlyList<Rotation?> Concatenate(IReadOnlyList<IReadOnlyList<Rotation?>> parts) =>
        ByLayer([.. Enumerable.Range(0, _embeddings.Length).Select(embedding => Array.IndexOf(_ofLayer, embedding))
            .Select(layer => new Rotation(
                cat([.. parts.Select(part => part[layer]!.Value.Cosine)], 0),
                cat([.. parts.Select(part => part[layer]!.Value.Sine)], 0)))]);

    public void Dispose()
    {
        foreach (var embedding in _embeddings)
            embedding.Dispose();
    }

    private Rotation?[] ByLayer(Rotation[] rotations) =>
        [.. _ofLayer.Select(index => index < 0 ? (Rotation?)null : rotations[index])];
}
