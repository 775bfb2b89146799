// Segments that share their beginning (two answers to one prompt) share all of its computation but attention's:
// queries, keys and values of the shared tokens are repeated before each answer, any kernel attends, and what the
// shared tokens attended is taken once. Back, the copies' gradients are added.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;

namespace Lorikeet.Models.Passes;

/// <summary>Attention of a batch, whose segments may share their beginnings.</summary>
internal static class RepeatedHeads
{
    /// <summary><see cref="IDecoderKernels.Attend"/>.</summary>
    /// <param name="kernels">The kernels.</param>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="input">Queries, keys and values of the batch's tokens.</param>
    /// <param name="sequences">The batch.</param>
    public static AttentionOutput Attend(
        IDecoderKernels kernels, int layer, AttentionInput input, Sequences sequences)
    {
        if (sequences.Repeated is not var (layout, whole))
            return kernels.Attend(input, sequences);
        var qkv = Like(input.Qkv, layout.Layout.Tokens, input.Qkv.Columns);
        kernels.GatherRows(input.Qkv, layout.Sources, qkv);
        using var rotated = RotatedOf(input, qkv);
        var output = kernels.Attend(Whole(input, layer, qkv, rotated, whole), whole);
        var attended = Like(input.Qkv, input.Qkv.Rows, input.Shape.QueryWidth);
        kernels.GatherRows(output.Attended, layout.Kept, attended);
        return new AttentionOutput(attended) { Inner = (qkv, output) };
    }

    /// <summary><see cref="IDecoderKernels.AttendBackward"/>.</summary>
    public static void AttendBackward(
        IDecoderKernels kernels, int layer, AttentionInput input, AttentionOutput output, Matrix gradient,
        Sequences sequences, Matrix qkvGradient)
    {
        if (sequences.Repeated is not var (layout, whole))
        {
            kernels.AttendBackward(input, output, gradient, sequences, qkvGradient);
            return;
        }

        var (qkv, attended) = output.Inner!.Value;
        using var rotated = RotatedOf(input, qkv);
        using var ofWhole = Like(qkv, qkv.Rows, input.Shape.QueryWidth);
        using var result = Like(qkv, qkv.Rows, qkv.Columns);
        ofWhole.Tensor.Clear(); // what is repeated was not attended from
        kernels.ScatterRows(gradient, layout.Kept, ofWhole);
        kernels.AttendBackward(Whole(input, layer, qkv, rotated, whole), attended, ofWhole, whole, result);
        qkvGradient.Tensor.Clear();
        qkvGradient.Tensor.IncreaseRows(layout.Sources, result.Tensor);
    }

    private static AttentionInput Whole(
        AttentionInput input, int layer, Matrix qkv, Matrix? rotated, Sequences whole) => input with
        {
            Rotation = whole.Rotations[layer],
            Qkv = qkv,
            Rotated = rotated ?? qkv,
        };

    /// <summary>Where rotated queries and keys lie; null without norms, where they stay.</summary>
    private static Matrix? RotatedOf(AttentionInput input, Matrix qkv) =>
        input.Norms is null ? null : Like(qkv, qkv.Rows, input.Shape.RotatedWidth);

    private static Matrix Like(Matrix other, int rows, int columns) =>
        Matrix.Create(rows, columns, other.ElementType, other.Tensor.device);
}
