using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>The work between GEMMs in vectorized C#, float32 inside, on the threads of libtorch.</summary>
/// <typeparam name="T">What matrices hold.</typeparam>
/// <param name="shape">The model's attention.</param>
/// <param name="epsilon">ε of the norms.</param>
internal sealed unsafe class CpuDecoderKernels<T>(AttentionShape shape, double epsilon) : IDecoderKernels
    where T : unmanaged, IElement<T>
{
    private readonly float _epsilon = (float)epsilon;

    public void RmsNorm(Matrix x, Tensor weight, Matrix y) =>
        WorkerTeam.Run(new NormWork<T>(new(x), Vector(weight), _epsilon, new(y)), x.Rows, x.Columns);

    public void AddRmsNorm(Matrix x, Matrix delta, Tensor weight, Matrix sum, Matrix y) => WorkerTeam.Run(
        new AddNormWork<T>(new(x), new(delta), Vector(weight), _epsilon, new(sum), new(y)), x.Rows, x.Columns);

    public void RmsNormBackward(Matrix x, Tensor weight, Matrix dy, Matrix residual, Matrix dx, Matrix normalised) =>
        WorkerTeam.Run(
            new NormBackwardWork<T>(new(x), Vector(weight), _epsilon, new(dy), new(residual), new(dx), new(normalised)),
            x.Rows, x.Columns);

    public void AddBias(Matrix y, Tensor bias) =>
        WorkerTeam.Run(new AddBiasWork<T>(new(y), Vector(bias)), y.Rows, y.Columns);

    public AttentionOutput Attend(AttentionInput input, Sequences sequences)
    {
        var (heads, tokens) = (Heads(sequences), input.Qkv.Rows);
        if (input.Norms is { } norms)
            RotateNormalised(heads, input, norms);
        var attended = Matrix.Create(tokens, shape.QueryWidth, input.Qkv.ElementType, CPU);
        var logSums = empty([tokens, shape.Heads], ScalarType.Float32, CPU).DetachFromDisposeScope();
        var work = new AttentionForwardWork<T>(
            heads, new(input.Rotated), new(input.Qkv), rotates: input.Norms is null, new(attended), Floats(logSums));
        WorkerTeam.Run(work, sequences.Layout.Count * shape.KeyValueHeads, CostOfHead(sequences));
        return new AttentionOutput(attended, logSums);
    }

    public void AttendBackward(
        AttentionInput input, AttentionOutput output, Matrix gradient, Sequences sequences, Matrix qkvGradient)
    {
        var heads = Heads(sequences);
        if (input.Norms is { } norms)
            RotateNormalised(heads, input, norms);
        var work = new AttentionBackwardWork<T>(
            heads, new(input.Rotated), new(input.Qkv), new(output.Attended), Floats(output.Saved[0]), new(gradient),
            new(qkvGradient));
        WorkerTeam.Run(work, sequences.Layout.Count * shape.KeyValueHeads, CostOfHead(sequences));
        if (input.Norms is { } same)
        {
            WorkerTeam.Run(
                new HeadNormsBackwardWork<T>(Groups(same), new(input.Qkv), _epsilon, new(qkvGradient)),
                input.Qkv.Rows, shape.RotatedWidth);
        }
    }

    public AttentionBytes BytesOfAttention(BatchShape batch) => AttentionBackwardWork<T>.BytesOf(shape, batch);

    public void SwiGlu(Matrix gateUp, Matrix activation) =>
        WorkerTeam.Run(new SwiGluWork<T>(new(gateUp), new(activation)), gateUp.Rows, gateUp.Columns);

    public void SwiGluBackward(Matrix gateUp, Matrix activation) =>
        WorkerTeam.Run(new SwiGluBackwardWork<T>(new(gateUp), new(activation)), gateUp.Rows, gateUp.Columns);

    public void Dropout(Matrix x, double p, ulong key, Matrix y) =>
        WorkerTeam.Run(new DropoutWork<T>(new(x), p, key, new(y), adds: false), x.Rows, x.Columns);

    public void AddDropout(Matrix x, double p, ulong key, Matrix y) =>
        WorkerTeam.Run(new DropoutWork<T>(new(x), p, key, new(y), adds: true), x.Rows, x.Columns);

    public void AddColumnSums(Matrix a, Matrix? b, double scale, Tensor? factors, Tensor sums) => WorkerTeam.Run(
        new ColumnSumsWork<T>(
            new(a), new(b ?? a), b is not null, a.Rows, (float)scale, factors is null ? null : Floats(factors),
            Floats(sums)),
        ColumnSumsWork<T>.Vectors(a.Columns), (long)a.Rows * Row.Lanes);

    public void ScaleColumns(Matrix x, Tensor factors, Matrix y) =>
        WorkerTeam.Run(new ScaleColumnsWork<T>(new(x), Floats(factors), new(y), adds: false), x.Rows, x.Columns);

    public void AddScaledColumns(Matrix x, Tensor factors, Matrix y) =>
        WorkerTeam.Run(new ScaleColumnsWork<T>(new(x), Floats(factors), new(y), adds: true), x.Rows, x.Columns);

    public IFactorTable Factors(IReadOnlyList<FactorBlock> blocks) => new CpuFactorTable<T>(blocks);

    public void GatherRows(Matrix source, Tensor rows, Matrix target) => WorkerTeam.Run(
        new CopyRowsWork<T>(new(source), Indices(rows), new(target), scatters: false), target.Rows, target.Columns);

    public void ScatterRows(Matrix source, Tensor rows, Matrix target) => WorkerTeam.Run(
        new CopyRowsWork<T>(new(source), Indices(rows), new(target), scatters: true), source.Rows, source.Columns);

    public void CrossEntropy(Matrix logits, Tensor targets, double scale, Tensor loss)
    {
        // Each row its own sum, added in order: the result does not depend on how rows were divided.
        using var losses = empty(logits.Rows, ScalarType.Float64, CPU);
        var perRow = (double*)TensorMemory.Pointer(losses);
        WorkerTeam.Run(
            new CrossEntropyWork<T>(new(logits), Indices(targets), (float)scale, perRow), logits.Rows, logits.Columns);
        var total = (double*)TensorMemory.Pointer(loss);
        for (var row = 0; row < logits.Rows; row++)
            *total += perRow[row];
    }

    public void Dispose()
    {
    }

    private void RotateNormalised(AttentionHeads<T> heads, AttentionInput input, HeadNorms norms) => WorkerTeam.Run(
        new RotateNormalisedWork<T>(heads, Groups(norms), new(input.Qkv), _epsilon, new(input.Rotated)),
        input.Qkv.Rows, shape.RotatedWidth);

    private NormGroups<T> Groups(HeadNorms norms) => new(
        Vector(norms.Query), Vector(norms.Key), shape.QueryWidth, shape.RotatedWidth, (int)norms.Query.shape[0],
        (int)norms.Key.shape[0]);

    private AttentionHeads<T> Heads(Sequences sequences) =>
        new(sequences, shape, (int*)TensorMemory.Pointer(sequences.Starts));

    /// <summary>Attention of a head costs far more than the elements it touches.</summary>
    private long CostOfHead(Sequences sequences) =>
        (long)sequences.Layout.Tokens / sequences.Layout.Count * shape.HeadSize * (
            shape.Heads / shape.KeyValueHeads) * 8;

    private static T* Vector(Tensor tensor) => (T*)TensorMemory.Pointer(tensor);

    private static float* Floats(Tensor tensor) => (float*)TensorMemory.Pointer(tensor);

    private static long* Indices(Tensor tensor) => (long*)TensorMemory.Pointer(tensor);
}
