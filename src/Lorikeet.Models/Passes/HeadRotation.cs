using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

/// <summary>How the tokens of a batch are rotated in the layers that rotate alike.</summary>
/// <param name="Cosine">[tokens, rotarySize] in the compute type; both halves are the same.</param>
/// <param name="Sine">As large.</param>
internal sealed record HeadRotation(Matrix Cosine, Matrix Sine) : IDisposable
{
    /// <summary>The tables of the reference as matrices.</summary>
    public static HeadRotation Of(Rotation rotation) => new(
        new Matrix(rotation.Cosine.view(rotation.Cosine.shape[0], -1)),
        new Matrix(rotation.Sine.view(rotation.Sine.shape[0], -1)));

    /// <summary>Some of the tokens.</summary>
    public HeadRotation RowRange(int start, int count) =>
        new(Cosine.RowRange(start, count), Sine.RowRange(start, count));

    public void Dispose()
    {
        Cosine.Dispose();
        Sine.Dispose();
    }
}
