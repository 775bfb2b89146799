using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// The kernels of a rank that shares each batch with others: attention sees all tokens of the rank's heads
/// (ContextShare.cs), the rest its own tokens.
/// </summary>
/// <param name="own">The kernels of the device; become this object's.</param>
/// <param name="share">The ranks.</param>
/// <param name="elementSize">Bytes of an element of the compute type.</param>
internal sealed class ContextKernels(IDecoderKernels own, ContextShare share, int elementSize) : IDecoderKernels
{
    public AttentionOutput Attend(AttentionInput input, Sequences sequences)
    {
        var (shape, qkv) = (input.Shape, input.Qkv);
        // [T, (heads + 2 · keyValueHeads) / C · headSize]
        var heads = new Matrix(share.ToHeads(qkv.Tensor, WidthsOf(shape)));
        using var rotated = RotatedOf(input, heads);
        var output = own.Attend(OfHeads(input, heads, rotated), sequences); // [T, heads / C · headSize]
        var attended = Matrix.Create(qkv.Rows, shape.QueryWidth, qkv.ElementType, qkv.Tensor.device);
        share.ToTokens(output.Attended.Tensor.contiguous(), [shape.QueryWidth], attended.Tensor);
        return new AttentionOutput(attended) { Inner = (heads, output) };
    }

    public void AttendBackward(
        AttentionInput input, AttentionOutput output, Matrix gradient, Sequences sequences, Matrix qkvGradient)
    {
        var (heads, attended) = output.Inner!.Value;
        using var rotated = RotatedOf(input, heads);
        using var headGradient = new Matrix(share.ToHeads(gradient.Tensor, [input.Shape.QueryWidth]));
        using var result = Matrix.Create(heads.Rows, heads.Columns, heads.ElementType, heads.Tensor.device);
        own.AttendBackward(OfHeads(input, heads, rotated), attended, headGradient, sequences, result);
        share.ToTokens(result.Tensor, WidthsOf(input.Shape), qkvGradient.Tensor);
    }

    public AttentionBytes BytesOfAttention(AttentionShape shape, BatchShape batch) =>
        BytesOf(shape, batch, share.Size, elementSize, own.BytesOfAttention);

    /// <summary>What attention takes of a rank: that of its heads over all tokens, and what is exchanged.</summary>
    /// <param name="whole">The attention of the model.</param>
    /// <param name="batch">The tokens of one rank.</param>
    /// <param name="size">Ranks that share each batch.</param>
    /// <param name="elementSize">Bytes of an element.</param>
    /// <param name="ofHeads">What attention takes of this rank's heads.</param>
    public static AttentionBytes BytesOf(
        AttentionShape whole, BatchShape batch, int size, int elementSize,
        Func<AttentionShape, BatchShape, AttentionBytes> ofHeads)
    {
        var (output, backward) = ofHeads(ContextShare.Heads(whole, size), batch with { Tokens = batch.Tokens * size });
        var (attended, qkv) = (
            (long)batch.Tokens * whole.QueryWidth * elementSize, (long)batch.Tokens * whole.FusedWidth * elementSize);
        // Kept: what is attended, once more by tokens, and the heads' queries, keys and values. Backward: gradients of
        // both by heads, and what is on its way.
        return new AttentionBytes(output + attended + qkv, backward + 2 * attended + 3 * qkv);
    }

    public void RmsNorm(Matrix x, Tensor weight, Matrix y) => own.RmsNorm(x, weight, y);

    public void AddRmsNorm(Matrix x, Matrix delta, float scale, Tensor weight, Matrix sum, Matrix y) =>
        own.AddRmsNorm(x, delta, scale, weight, sum, y);

    public void RmsNormBackward(Matrix x, Tensor weight, Matrix dy, Matrix residual, Matrix dx, Matrix normalised) =>
        own.RmsNormBackward(x, weight, dy, residual, dx, normalised);

    public void RmsNormGradient(Matrix x, Tensor weight, Matrix dy, Matrix dx) =>
        own.RmsNormGradient(x, weight, dy, dx);

    public void AddScaled(Matrix x, Matrix delta, float scale, Matrix sum) => own.AddScaled(x, delta, scale, sum);

    public void Scale(Matrix x, float factor, Matrix y) => own.Scale(x, factor, y);

    public void AddBias(Matrix y, Tensor bias) => own.AddBias(y, bias);

    public void Gate(GateActivation kind, Matrix gateUp, Matrix activation) => own.Gate(kind, gateUp, activation);

    public void GateBackward(GateActivation kind, Matrix gateUp, Matrix activation) =>
        own.GateBackward(kind, gateUp, activation);

    public void Dropout(Matrix x, double p, ulong key, Matrix y) => own.Dropout(x, p, key, y);

    public void AddDropout(Matrix x, double p, ulong key, Matrix y) => own.AddDropout(x, p, key, y);

    public void AddColumnSums(Matrix a, Matrix? b, double scale, Tensor? factors, Tensor sums) =>
        own.AddColumnSums(a, b, scale, factors, sums);

    public void AddOuterProduct(Matrix a, Matrix b, Matrix sum) => own.AddOuterProduct(a, b, sum);

    public void AddRowSums(Matrix source, Tensor order, Tensor starts, Tensor ids, Matrix sums) =>
        own.AddRowSums(source, order, starts, ids, sums);

    public void ScaleColumns(Matrix x, Tensor factors, Matrix y) => own.ScaleColumns(x, factors, y);

    public void AddScaledColumns(Matrix x, Tensor factors, Matrix y) => own.AddScaledColumns(x, factors, y);

    public IFactorTable Factors(IReadOnlyList<FactorBlock> blocks) => own.Factors(blocks);

    public void GatherRows(Matrix source, Tensor rows, Matrix target) => own.GatherRows(source, rows, target);

    public void ScatterRows(Matrix source, Tensor rows, Matrix target) => own.ScatterRows(source, rows, target);

    public void CrossEntropy(Matrix logits, Tensor targets, double scale, float? cap, Tensor loss) =>
        own.CrossEntropy(logits, targets, scale, cap, loss);

    public void CrossEntropies(Matrix logits, Tensor targets, float? cap, Tensor losses) =>
        own.CrossEntropies(logits, targets, cap, losses);

    public void Dispose() => own.Dispose();

    private static long[] WidthsOf(AttentionShape shape)
    {
        var keys = (long)shape.KeyValueHeads * shape.HeadSize;
        return [shape.QueryWidth, keys, keys];
    }

    /// <summary>Where rotated queries and keys of the rank's heads lie; null without norms, where they stay.</summary>
    private Matrix? RotatedOf(AttentionInput input, Matrix heads) => input.Norms is null ? null : Matrix.Create(
        heads.Rows, input.Shape.RotatedWidth / share.Size, heads.ElementType, heads.Tensor.device);

    private AttentionInput OfHeads(AttentionInput input, Matrix heads, Matrix? rotated) => input with
    {
        Shape = ContextShare.Heads(input.Shape, share.Size),
        Qkv = heads,
        Rotated = rotated ?? heads,
    };
}
