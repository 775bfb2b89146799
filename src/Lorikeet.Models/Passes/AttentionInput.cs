namespace Lorikeet.Models.Passes;

/// <summary>
/// What a layer's attention reads, and how. Without norms queries and keys are rotated where they are.
/// </summary>
/// <remarks>
/// With norms they come in two forms: as projected, which the gradient of a norm needs, and normalised and rotated,
/// which attention needs. A layer keeps the first, as many bytes as without norms; the second lies in a buffer that all
/// layers share, and the backward pass makes it anew. 1/rms is not kept either: whoever reads a head has its sum of
/// squares.
/// </remarks>
/// <param name="Shape">Heads, and who sees what.</param>
/// <param name="Rotation">How the tokens are rotated; null in a layer without positions.</param>
/// <param name="Qkv">[tokens, (heads + 2 · keyValueHeads) · headSize]: queries, keys, values.</param>
/// <param name="Rotated">
/// [tokens, (heads + keyValueHeads) · headSize] or wider: where rotated queries and keys lie; <paramref name="Qkv"/>
/// itself without norms.
/// </param>
/// <param name="Norms">The norms of queries and keys; null for none.</param>
internal readonly record struct AttentionInput(
    AttentionShape Shape, HeadRotation? Rotation, Matrix Qkv, Matrix Rotated, HeadNorms? Norms)
{
    /// <summary>Queries and keys that are rotated in place.</summary>
    public AttentionInput(AttentionShape shape, HeadRotation? rotation, Matrix qkv)
        : this(shape, rotation, qkv, qkv, null)
    {
    }

    /// <summary>Some of the tokens.</summary>
    public AttentionInput RowRange(int start, int count) => this with
    {
        Rotation = Rotation?.RowRange(start, count),
        Qkv = Qkv.RowRange(start, count),
        Rotated = Rotated.RowRange(start, count),
    };
}
