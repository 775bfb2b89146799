using System.Runtime.InteropServices;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cuda;

/// <summary>
/// The work between the GEMMs on a CUDA device, in bfloat16 with sums in float32 (the .cu files beside this).
/// </summary>
internal sealed unsafe class CudaDecoderKernels : IDecoderKernels
{
    private const int Threads = 256;
    private const int VocabularyThreads = 512;
    private const int ColumnThreads = 1024;
    private const int ColumnsOfBlock = 32;
    private const int LeastCapability = 80;

    private readonly CudaModule _module;
    private readonly Device _device;
    private readonly CudaDevice _own;
    private readonly Dictionary<AttentionShape, CudaAttention> _attention = [];
    private readonly float _epsilon;
    private readonly AlignedKernel _rmsNorm, _addRmsNorm, _rmsNormBackward, _rmsNormGradient, _addScaled, _scale,
        _addBias, _siluGate, _siluGateBackward, _geluGate, _geluGateBackward, _dropout, _columnSums,
        _scaleColumns, _rowSums, _moveRows, _crossEntropy, _cappedCrossEntropy;
    private readonly CudaKernel _addLosses;
    private readonly CudaRowCodes _rowCodes;
    private Tensor? _losses;
    private Cublas? _products;

    /// <param name="epsilon">Added to the mean square in norms.</param>
    /// <param name="device">A device they <see cref="Fit"/>.</param>
    public CudaDecoderKernels(double epsilon, Device device)
    {
        (_own, _epsilon) = (CudaDevice.Of(Math.Max(device.index, 0)), (float)epsilon);
        var module = new CudaModule(
            _own, "Elements", "Norms", "Elementwise", "Columns", "Factors", "Rotary", "HeadNorms", "CrossEntropy");
        (_module, _device) = (module, device);
        _rowCodes = new CudaRowCodes(_own);
        _rmsNorm = new(module, "rms_norm", startsEarly: true);
        _addRmsNorm = new(module, "add_rms_norm", startsEarly: true);
        _rmsNormBackward = new(module, "rms_norm_backward");
        _addBias = new(module, "add_bias");
        _rmsNormGradient = new(module, "rms_norm_gradient");
        _addScaled = new(module, "add_scaled");
        _scale = new(module, "scale");
        _siluGate = new(module, "silu_gate");
        _siluGateBackward = new(module, "silu_gate_backward");
        _geluGate = new(module, "gelu_gate");
        _geluGateBackward = new(module, "gelu_gate_backward");
        _dropout = new(module, "dropout");
        _columnSums = new(module, "column_sums");
        _scaleColumns = new(module, "scale_columns");
        _rowSums = new(module, "row_sums");
        _moveRows = new(module, "move_rows", startsEarly: true);
        _crossEntropy = new(module, "cross_entropy");
        _cappedCrossEntropy = new(module, "capped_cross_entropy");
        _addLosses = module.Kernel("add_losses");
    }

    /// <summary>Whether a device runs them and attention takes heads of this shape.</summary>
    public static bool Fit(AttentionShape attention, Device device) =>
        CudaDevice.Of(Math.Max(device.index, 0)).Capability >= LeastCapability && Takes(attention);

    /// <summary>Whether attention takes heads of this shape.</summary>
    public static bool Takes(AttentionShape attention) =>
        attention.HeadSize % 8 == 0 && attention.HeadSize <= FlashAttention.LargestHead
            && attention.Heads + attention.KeyValueHeads <= HeadNormsView.MostHeads && attention.SoftCap is null;

    public void RmsNorm(Matrix x, Tensor weight, Matrix y)
    {
        if (_rowCodes.RmsNorm(x, Weight(weight), y, AlignedKernel.Fits(weight)))
            return;
        var (width, kernel) = _rmsNorm.For(x, y, weight);
        kernel.Launch(x.Rows, ThreadsFor(x, width), View(x), Weight(weight), View(y));
    }

    public void AddRmsNorm(Matrix x, Matrix delta, float scale, Tensor weight, Matrix sum, Matrix y)
    {
        if (_rowCodes.AddRmsNorm(x, delta, scale, Weight(weight), sum, y, AlignedKernel.Fits(weight)))
            return;
        var (width, kernel) = _addRmsNorm.For(x, delta, sum, y, weight);
        kernel.Launch(
            x.Rows, ThreadsFor(x, width), View(x), View(delta), scale, Weight(weight), View(sum), View(y));
    }

    public void RmsNormBackward(Matrix x, Tensor weight, Matrix dy, Matrix residual, Matrix dx, Matrix normalised)
    {
        var (width, kernel) = _rmsNormBackward.For(x, dy, residual, dx, normalised, weight);
        var matrices = new NormBackward(View(x), View(dy), View(residual), View(dx), View(normalised));
        if (!_rowCodes.RmsNormBackward(matrices, Weight(weight), dx, width > 1))
            kernel.Launch(x.Rows, ThreadsFor(x, width), matrices, Weight(weight));
    }

    public void RmsNormGradient(Matrix x, Tensor weight, Matrix dy, Matrix dx)
    {
        var (width, kernel) = _rmsNormGradient.For(x, dy, dx, weight);
        kernel.Launch(x.Rows, ThreadsFor(x, width), View(x), Weight(weight), View(dy), View(dx));
    }

    public void AddScaled(Matrix x, Matrix delta, float scale, Matrix sum)
    {
        var (width, kernel) = _addScaled.Choose(
            AlignedKernel.Fits(x) && AlignedKernel.Fits(delta) && AlignedKernel.Fits(sum));
        kernel.Launch(Blocks(x, width), Threads, View(x), View(delta), scale, View(sum));
    }

    public void Scale(Matrix x, float factor, Matrix y)
    {
        var (width, kernel) = _scale.For(x, y);
        kernel.Launch(Blocks(x, width), Threads, View(x), factor, View(y));
    }

    public void AddBias(Matrix y, Tensor bias)
    {
        var (width, kernel) = _addBias.For(y, bias);
        kernel.Launch(Blocks(y, width), Threads, View(y), Address(bias), IsFloat(bias));
    }

    public AttentionOutput Attend(AttentionInput input, Sequences sequences) =>
        AttentionOf(input.Shape).Forward(input, sequences);

    public void AttendBackward(
        AttentionInput input, AttentionOutput output, Matrix gradient, Sequences sequences, Matrix qkvGradient) =>
        AttentionOf(input.Shape).Backward(input, output, gradient, sequences, qkvGradient);

    public AttentionBytes BytesOfAttention(AttentionShape shape, BatchShape batch) =>
        CudaAttention.BytesOf(shape, batch);

    public void Gate(GateActivation kind, Matrix gateUp, Matrix activation)
    {
        if (!_rowCodes.Gate(kind, gateUp, activation))
            Gate(kind == GateActivation.Silu ? _siluGate : _geluGate, gateUp, activation);
    }

    public void GateBackward(GateActivation kind, Matrix gateUp, Matrix activation)
    {
        if (!_rowCodes.GateBackward(kind, gateUp, activation))
            Gate(kind == GateActivation.Silu ? _siluGateBackward : _geluGateBackward, gateUp, activation);
    }

    public void Dropout(Matrix x, double p, ulong key, Matrix y) => Dropout(x, p, key, y, add: 0);

    public void AddDropout(Matrix x, double p, ulong key, Matrix y) => Dropout(x, p, key, y, add: 1);

    public void AddColumnSums(Matrix a, Matrix? b, double scale, Tensor? factors, Tensor sums)
    {
        var (_, kernel) = b is null ? _columnSums.For(a) : _columnSums.For(a, b);
        kernel.Launch(
            (a.Columns + ColumnsOfBlock - 1) / ColumnsOfBlock, ColumnThreads, View(a), b is null ? default : View(b),
            (float)scale, factors is null ? 0 : Address(factors), Address(sums));
    }

    public void AddOuterProduct(Matrix a, Matrix b, Matrix sum)
    {
        _products ??= new Cublas(_device);
        _products.AddOuterProduct(Place(a), Place(b), (float*)sum.Pointer, sum.Pitch);
    }

    public void AddRowSums(Matrix source, Tensor order, Tensor starts, Tensor ids, Matrix sums)
    {
        var (width, kernel) = _rowSums.Choose(AlignedKernel.Fits(source) && AlignedKernel.Fits(sums));
        var pieces = (source.Columns / width + Threads - 1) / Threads;
        kernel.Launch(
            ids.NumberOfElements * pieces, Threads, View(source), Address(order), Address(starts), Address(ids),
            (nint)sums.Pointer, (long)sums.Pitch);
    }

    public void ScaleColumns(Matrix x, Tensor factors, Matrix y) => ScaleColumns(x, factors, y, add: 0);

    public void AddScaledColumns(Matrix x, Tensor factors, Matrix y) => ScaleColumns(x, factors, y, add: 1);

    public IFactorTable Factors(IReadOnlyList<FactorBlock> blocks) => new CudaFactorTable(blocks, _module, _device);

    public void GatherRows(Matrix source, Tensor rows, Matrix target) => MoveRows(source, rows, target, scatter: 0);

    public void ScatterRows(Matrix source, Tensor rows, Matrix target) => MoveRows(source, rows, target, scatter: 1);

    public void CrossEntropy(Matrix logits, Tensor targets, double scale, float? cap, Tensor loss)
    {
        if (_losses is null || _losses.NumberOfElements < logits.Rows)
        {
            _losses?.Dispose();
            _losses = empty([logits.Rows], ScalarType.Float32, loss.device).DetachFromDisposeScope();
        }

        CrossEntropy(logits, targets, (float)scale, cap, _losses);
        _addLosses.Launch(1, Threads, Address(_losses), logits.Rows, Address(loss));
    }

    public void CrossEntropies(Matrix logits, Tensor targets, float? cap, Tensor losses) =>
        CrossEntropy(logits, targets, 1f, cap, losses);

    private void CrossEntropy(Matrix logits, Tensor targets, float scale, float? cap, Tensor losses)
    {
        var (_, kernel) = (cap is null ? _crossEntropy : _cappedCrossEntropy).For(logits);
        kernel.Launch(
            logits.Rows, VocabularyThreads, View(logits), Address(targets), scale, cap ?? 0, Address(losses));
    }

    public void Dispose()
    {
        _losses?.Dispose();
        _products?.Dispose();
        foreach (var attention in _attention.Values)
            attention.Dispose();
    }

    /// <summary>Layers of one shape share views of buffers and what cuDNN refuses.</summary>
    private CudaAttention AttentionOf(AttentionShape shape) => _attention.TryGetValue(shape, out var known)
        ? known
        : _attention[shape] = new CudaAttention(shape, _epsilon, _own, _module);

    private static void Gate(AlignedKernel kernels, Matrix gateUp, Matrix activation)
    {
        var (width, kernel) = kernels.For(gateUp, activation);
        kernel.Launch(Blocks(activation, width), Threads, View(gateUp), View(activation));
    }

    private void Dropout(Matrix x, double p, ulong key, Matrix y, int add)
    {
        var (width, kernel) = _dropout.For(x, y);
        kernel.Launch(
            Blocks(x, width), Threads, View(x), DropoutMask.Threshold(p), (float)(1 / (1 - p)), key, View(y), add);
    }

    private void ScaleColumns(Matrix x, Tensor factors, Matrix y, int add)
    {
        var (width, kernel) = _scaleColumns.For(x, y, factors);
        kernel.Launch(Blocks(x, width), Threads, View(x), Address(factors), View(y), add);
    }

    private void MoveRows(Matrix source, Tensor rows, Matrix target, int scatter)
    {
        var (width, kernel) = _moveRows.For(source, target);
        kernel.Launch(
            Blocks(scatter == 0 ? target : source, width), Threads, View(source), Address(rows), View(target), scatter);
    }

    /// <summary>One thread for every <paramref name="width"/> elements.</summary>
    private static long Blocks(Matrix matrix, int width) =>
        ((long)matrix.Rows * (matrix.Columns / width) + Threads - 1) / Threads;

    /// <summary>Threads that share a row: whole warps, no more than have something to do.</summary>
    private static int ThreadsFor(Matrix matrix, int width) =>
        Math.Min(Threads, (matrix.Columns / width + 31) / 32 * 32);

    private static MatrixPlace Place(Matrix matrix) =>
        new((nint)matrix.Pointer, matrix.Rows, matrix.Columns, matrix.Pitch);

    private static MatrixView View(Matrix matrix) => new(matrix);

    private Norm Weight(Tensor weight) => new(Address(weight), IsFloat(weight), _epsilon);

    private static nint Address(Tensor tensor) => (nint)TensorMemory.Address(tensor);

    private static int IsFloat(Tensor weight) => weight.dtype == ScalarType.Float32 ? 1 : 0;

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Norm(nint Weight, int IsFloat, float Epsilon);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct NormBackward(
        MatrixView X, MatrixView Gradient, MatrixView Residual, MatrixView Result, MatrixView Normalised);
}
