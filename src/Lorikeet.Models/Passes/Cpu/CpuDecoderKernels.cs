using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>The work between GEMMs in vectorized C#, float32 inside, on the threads of libtorch.</summary>
/// <typeparam name="T">What matrices hold.</typeparam>
/// <param name="epsilon">ε of the norms.</param>
internal sealed unsafe class CpuDecoderKernels<T>(double epsilon) : IDecoderKernels where T : unmanaged, IElement<T>
{
    private const int ProductElements = 1 << 22;

    private readonly CpuNorms<T> _norms = new((float)epsilon);

    public void RmsNorm(Matrix x, Tensor weight, Matrix y) => _norms.Normalise(x, weight, y);

    public void AddRmsNorm(Matrix x, Matrix delta, float scale, Tensor weight, Matrix sum, Matrix y) =>
        _norms.AddAndNormalise(x, delta, scale, weight, sum, y);

    public void RmsNormBackward(Matrix x, Tensor weight, Matrix dy, Matrix residual, Matrix dx, Matrix normalised) =>
        _norms.Backward(x, weight, dy, residual, dx, normalised);

    public void RmsNormGradient(Matrix x, Tensor weight, Matrix dy, Matrix dx) => _norms.Gradient(x, weight, dy, dx);

    public void AddScaled(Matrix x, Matrix delta, float scale, Matrix sum) =>
        WorkerTeam.Run(new AddScaledWork<T>(new(x), new(delta), scale, new(sum)), x.Rows, x.Columns);

    public void Scale(Matrix x, float factor, Matrix y) =>
        WorkerTeam.Run(new ScaleWork<T>(new(x), factor, new(y)), x.Rows, x.Columns);

    public void AddBias(Matrix y, Tensor bias) =>
        WorkerTeam.Run(new AddBiasWork<T>(new(y), Vector(bias)), y.Rows, y.Columns);

    public AttentionOutput Attend(AttentionInput input, Sequences sequences)
    {
        var (heads, shape, tokens) = (Heads(input, sequences), input.Shape, input.Qkv.Rows);
        if (input.Norms is { } norms)
            _norms.RotateNormalised(heads, input, norms);
        var attended = Matrix.Create(tokens, shape.QueryWidth, input.Qkv.ElementType, CPU);
        var logSums = empty([tokens, shape.Heads], ScalarType.Float32, CPU).DetachFromDisposeScope();
        var work = new AttentionForwardWork<T>(
            heads, new(input.Rotated), new(input.Qkv), rotates: input.Norms is null, new(attended), Floats(logSums));
        WorkerTeam.Run(work, sequences.Layout.Count * shape.KeyValueHeads, CostOfHead(shape, sequences));
        return new AttentionOutput(attended, logSums);
    }

    public void AttendBackward(
        AttentionInput input, AttentionOutput output, Matrix gradient, Sequences sequences, Matrix qkvGradient)
    {
        var (heads, shape) = (Heads(input, sequences), input.Shape);
        if (input.Norms is { } norms)
            _norms.RotateNormalised(heads, input, norms);
        var work = new AttentionBackwardWork<T>(
            heads, new(input.Rotated), new(input.Qkv), new(output.Attended), Floats(output.Saved[0]), new(gradient),
            new(qkvGradient));
        WorkerTeam.Run(work, sequences.Layout.Count * shape.KeyValueHeads, CostOfHead(shape, sequences));
        if (input.Norms is { } same)
            _norms.HeadsBackward(input, same, qkvGradient);
    }

    public AttentionBytes BytesOfAttention(AttentionShape shape, BatchShape batch) =>
        AttentionBackwardWork<T>.BytesOf(shape, batch);

    public void Gate(GateActivation kind, Matrix gateUp, Matrix activation)
    {
        if (kind == GateActivation.Silu)
            Run(new GateWork<T, Silu>(new(gateUp), new(activation)), gateUp);
        else
            Run(new GateWork<T, GeluTanh>(new(gateUp), new(activation)), gateUp);
    }

    public void GateBackward(GateActivation kind, Matrix gateUp, Matrix activation)
    {
        if (kind == GateActivation.Silu)
            Run(new GateBackwardWork<T, Silu>(new(gateUp), new(activation)), gateUp);
        else
            Run(new GateBackwardWork<T, GeluTanh>(new(gateUp), new(activation)), gateUp);
    }

    public void Dropout(Matrix x, double p, ulong key, Matrix y) =>
        WorkerTeam.Run(new DropoutWork<T>(new(x), p, key, new(y), adds: false), x.Rows, x.Columns);

    public void AddDropout(Matrix x, double p, ulong key, Matrix y) =>
        WorkerTeam.Run(new DropoutWork<T>(new(x), p, key, new(y), adds: true), x.Rows, x.Columns);

    public void AddColumnSums(Matrix a, Matrix? b, double scale, Tensor? factors, Tensor sums) => WorkerTeam.Run(
        new ColumnSumsWork<T>(
            new(a), new(b ?? a), b is not null, a.Rows, (float)scale, factors is null ? null : Floats(factors),
            Floats(sums)),
        ColumnSumsWork<T>.Vectors(a.Columns), (long)a.Rows * Row.Lanes);

    public void AddOuterProduct(Matrix a, Matrix b, Matrix sum)
    {
        if (sum.ElementType == a.ElementType)
        {
            Aten.AddProduct(sum.Tensor, a.Transposed, b.Tensor);
            return;
        }

        // libtorch rounds products to the compute type, so some rows at a time are made and added.
        var step = Math.Max(1, ProductElements / sum.Columns);
        for (var row = 0; row < sum.Rows; row += step)
        {
            var part = sum.RowRange(row, Math.Min(step, sum.Rows - row));
            using var product = Matrix.Create(part.Rows, part.Columns, a.ElementType, CPU);
            Aten.Multiply(product.Tensor, a.ColumnRange(row, part.Rows).Transposed, b.Tensor);
            WorkerTeam.Run(
                new AccumulateWork<T>(new(product), 1, (float*)part.Pointer), part.Rows, part.Columns);
        }
    }

    public void AddRowSums(Matrix source, Tensor order, Tensor starts, Tensor ids, Matrix sums)
    {
        var groups = (int)ids.NumberOfElements;
        WorkerTeam.Run(
            new RowSumsWork<T>(new(source), Indices(order), Indices(starts), Indices(ids), new(sums)),
            groups, (long)source.Rows * source.Columns / groups);
    }

    public void ScaleColumns(Matrix x, Tensor factors, Matrix y) =>
        WorkerTeam.Run(new ScaleColumnsWork<T>(new(x), Floats(factors), new(y), adds: false), x.Rows, x.Columns);

    public void AddScaledColumns(Matrix x, Tensor factors, Matrix y) =>
        WorkerTeam.Run(new ScaleColumnsWork<T>(new(x), Floats(factors), new(y), adds: true), x.Rows, x.Columns);

    public IFactorTable Factors(IReadOnlyList<FactorBlock> blocks) => new CpuFactorTable<T>(blocks);

    public void GatherRows(Matrix source, Tensor rows, Matrix target) => WorkerTeam.Run(
        new CopyRowsWork<T>(new(source), Indices(rows), new(target), scatters: false), target.Rows, target.Columns);

    public void ScatterRows(Matrix source, Tensor rows, Matrix target) => WorkerTeam.Run(
        new CopyRowsWork<T>(new(source), Indices(rows), new(target), scatters: true), source.Rows, source.Columns);

    public void CrossEntropy(Matrix logits, Tensor targets, double scale, float? cap, Tensor loss)
    {
        // Each row its own sum, added in order: the result does not depend on how rows were divided.
        using var losses = empty(logits.Rows, ScalarType.Float64, CPU);
        var perRow = (double*)TensorMemory.Pointer(losses);
        CrossEntropy(logits, targets, (float)scale, cap, perRow);
        var total = (double*)TensorMemory.Pointer(loss);
        for (var row = 0; row < logits.Rows; row++)
            *total += perRow[row];
    }

    public void CrossEntropies(Matrix logits, Tensor targets, float? cap, Tensor losses)
    {
        using var precise = empty(logits.Rows, ScalarType.Float64, CPU);
        CrossEntropy(logits, targets, 1, cap, (double*)TensorMemory.Pointer(precise));
        losses.copy_(precise);
    }

    private static void CrossEntropy(Matrix logits, Tensor targets, float scale, float? cap, double* losses)
    {
        var all = Indices(targets);
        if (cap is { } most)
            Run(new CrossEntropyWork<T, SoftCap>(new(logits), all, scale, most, losses), logits);
        else
            Run(new CrossEntropyWork<T, NoCap>(new(logits), all, scale, 0, losses), logits);
    }

    public void Dispose()
    {
    }

    private static AttentionHeads<T> Heads(AttentionInput input, Sequences sequences) =>
        new(input.Shape, input.Rotation, (int*)TensorMemory.Pointer(sequences.Starts));

    /// <summary>Attention of a head costs far more than the elements it touches.</summary>
    private static long CostOfHead(AttentionShape shape, Sequences sequences) =>
        (long)sequences.Layout.Tokens / sequences.Layout.Count * shape.HeadSize * (
            shape.Heads / shape.KeyValueHeads) * 8;

    private static void Run<TWork>(TWork work, Matrix rows) where TWork : unmanaged, IRangeWork =>
        WorkerTeam.Run(work, rows.Rows, rows.Columns);

    private static T* Vector(Tensor tensor) => (T*)TensorMemory.Pointer(tensor);

    private static float* Floats(Tensor tensor) => (float*)TensorMemory.Pointer(tensor);

    private static long* Indices(Tensor tensor) => (long*)TensorMemory.Pointer(tensor);
}
