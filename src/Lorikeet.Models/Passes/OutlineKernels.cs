using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Stands in for a device's kernels over a model without memory (<c>meta</c>), so that a pass can be made, and what it
/// takes be counted, where nothing can be computed.
/// </summary>
/// <param name="attention">What attention takes on that device.</param>
internal sealed class OutlineKernels(Func<AttentionShape, BatchShape, AttentionBytes> attention) : IDecoderKernels
{
    public AttentionBytes BytesOfAttention(AttentionShape shape, BatchShape batch) => attention(shape, batch);

    public IFactorTable Factors(IReadOnlyList<FactorBlock> blocks) => new NoTable();

    public void RmsNorm(Matrix x, Tensor weight, Matrix y) => throw Nothing();

    public void AddRmsNorm(Matrix x, Matrix delta, float scale, Tensor weight, Matrix sum, Matrix y) =>
        throw Nothing();

    public void RmsNormBackward(Matrix x, Tensor weight, Matrix dy, Matrix residual, Matrix dx, Matrix normalised) =>
        throw Nothing();

    public void RmsNormGradient(Matrix x, Tensor weight, Matrix dy, Matrix dx) => throw Nothing();

    public void AddScaled(Matrix x, Matrix delta, float scale, Matrix sum) => throw Nothing();

    public void Scale(Matrix x, float factor, Matrix y) => throw Nothing();

    public void AddBias(Matrix y, Tensor bias) => throw Nothing();

    public AttentionOutput Attend(AttentionInput input, Sequences sequences) => throw Nothing();

    public void AttendBackward(
        AttentionInput input, AttentionOutput output, Matrix gradient, Sequences sequences,
        Matrix qkvGradient) => throw Nothing();

    public void Gate(GateActivation kind, Matrix gateUp, Matrix activation) => throw Nothing();

    public void GateBackward(GateActivation kind, Matrix gateUp, Matrix activation) => throw Nothing();

    public void Dropout(Matrix x, double p, ulong key, Matrix y) => throw Nothing();

    public void AddDropout(Matrix x, double p, ulong key, Matrix y) => throw Nothing();

    public void AddColumnSums(Matrix a, Matrix? b, double scale, Tensor? factors, Tensor sums) => throw Nothing();

    public void AddOuterProduct(Matrix a, Matrix b, Matrix sum) => throw Nothing();

    public void AddRowSums(Matrix source, Tensor order, Tensor starts, Tensor ids, Matrix sums) => throw Nothing();

    public void ScaleColumns(Matrix x, Tensor factors, Matrix y) => throw Nothing();

    public void AddScaledColumns(Matrix x, Tensor factors, Matrix y) => throw Nothing();

    public void GatherRows(Matrix source, Tensor rows, Matrix target) => throw Nothing();

    public void ScatterRows(Matrix source, Tensor rows, Matrix target) => throw Nothing();

    public void CrossEntropy(Matrix logits, Tensor targets, double scale, float? cap, Tensor loss) => throw Nothing();

    public void CrossEntropies(Matrix logits, Tensor targets, float? cap, Tensor losses) => throw Nothing();

    public void Dispose()
    {
    }

    private static InvalidOperationException Nothing() => new("A model without memory computes nothing.");

    private sealed class NoTable : IFactorTable
    {
        public void Load() => throw Nothing();

        public void Accumulate() => throw Nothing();

        public void Dispose()
        {
        }
    }
}
