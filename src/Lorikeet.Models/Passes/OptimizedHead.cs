using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Head and cross-entropy on the positions that have a target, a chunk at a time; the frozen head has no gradient of
/// its own. The reference is <see cref="LossHead"/>.
/// </summary>
internal sealed class OptimizedHead : IDisposable
{
    private const int FewestRows = 64;
    private const int MostRows = 2048;

    private readonly IDecoderKernels _kernels;
    private readonly FusedWeight _weight;
    private readonly Tensor _loss;
    private readonly Scratch _scratch;
    private readonly ScratchUse _chunkUse;
    private readonly int _chunkRows;
    private readonly float _logitFactor;
    private readonly float? _logitCap;

    public OptimizedHead(DecoderModel model, IDecoderKernels kernels, Scratch scratch)
    {
        (_kernels, _scratch) = (kernels, scratch);
        _weight = FusedWeight.Of([model.Head], [], scratch, kernels, augments: false);
        Input = new BlockInput(model.FinalNorm, scratch.ElementType, kernels);
        _logitFactor = (float)(1 / model.Config.LogitDivisor);
        _logitCap = (float?)model.Config.LogitSoftCap;
        _loss = zeros(1, ScalarType.Float64, scratch.Device).DetachFromDisposeScope();
        _chunkRows = RowsAtOnce(_weight.Rows);

        // A head that needs no decompression leaves that room free.
        _chunkUse = _weight is DenseFusedWeight ? ScratchUse.Weight : ScratchUse.Logits;
        scratch.Reserve(_chunkUse, (long)_chunkRows * (_weight.Columns + _weight.Rows));
    }

    /// <summary>Rows of logits that exist at once, at most.</summary>
    public static int RowsAtOnce(int vocabulary) => LogitChunks.Rows(vocabulary, FewestRows, MostRows);

    /// <summary>Bytes that it keeps beside the weights of the model.</summary>
    public long CopyBytes => _weight.CopyBytes;

    /// <summary>What it reads of the residual stream: the final norm.</summary>
    public BlockInput Input { get; }

    /// <summary>
    /// Takes the last layer's output in <c>FinalResidual</c> and its norm in <c>NormOutput</c>; leaves the gradient of
    /// the output, times <paramref name="scale"/>, in <c>Gradient</c>.
    /// </summary>
    public void Run(Batch batch, double scale, PassBuffers pass)
    {
        pass.BlockOutput.Tensor.Clear();
        pass.Gradient.Tensor.Clear();
        Score(batch, scale, pass, needsGradient: true);
        Input.Backward(pass.FinalResidual, pass.BlockOutput, pass.Gradient);
    }

    /// <summary>Takes the norm of the last layer's output in <c>NormOutput</c>, for <see cref="Loss"/> alone.</summary>
    public void Evaluate(Batch batch, PassBuffers pass) => Score(batch, 1, pass, needsGradient: false);

    private void Score(Batch batch, double scale, PassBuffers pass, bool needsGradient)
    {
        var (positions, targets) = BatchTargets.Of(batch, _scratch.Device);
        var weight = _weight.Blocks[0];
        _weight.Materialize(weight);
        _loss.Clear();
        var count = (int)targets.NumberOfElements;
        for (var start = 0; start < count; start += _chunkRows)
        {
            var rows = Math.Min(_chunkRows, count - start);
            var memory = _scratch.Take(_chunkUse, _chunkRows, _weight.Columns + _weight.Rows).RowRange(0, rows);
            var (hidden, logits) = (
                memory.ColumnRange(0, _weight.Columns), memory.ColumnRange(_weight.Columns, _weight.Rows));
            var (chunk, chunkTargets) = (positions.narrow(0, start, rows), targets.narrow(0, start, rows));
            _kernels.GatherRows(pass.NormOutput, chunk, hidden);
            if (_logitFactor != 1)
                _kernels.Scale(hidden, _logitFactor, hidden); // f (Wh h) = Wh (f h), which is narrower
            Aten.Multiply(logits.Tensor, hidden.Tensor, weight.Weight.Transposed);
            _kernels.CrossEntropy(logits, chunkTargets, scale, _logitCap, _loss);
            if (!needsGradient)
                continue;
            Aten.Multiply(hidden.Tensor, logits.Tensor, weight.Weight.Tensor);
            if (_logitFactor != 1)
                _kernels.Scale(hidden, _logitFactor, hidden);
            _kernels.ScatterRows(hidden, chunk, pass.BlockOutput);
        }
    }

    /// <summary>
    /// The summed cross-entropy of the last run in nats; waits for the device, so ask when all work is queued.
    /// </summary>
    public double Loss() => _loss.item<double>();

    public void Dispose()
    {
        _weight.Dispose();
        Input.Dispose();
        _loss.Dispose();
    }
}
