using Lorikeet.Data.Batches;
using Lorikeet.Formats;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Head and cross-entropy on the positions that have a target, a chunk at a time; a head that is trained adds to its
/// gradients with each chunk. The reference is <see cref="LossHead"/>.
/// </summary>
internal sealed class OptimizedHead : IDisposable
{
    private const int FewestRows = 64;
    private const int MostRows = 2048;

    private readonly IDecoderKernels _kernels;
    private readonly FusedLinear _linear;
    private readonly Tensor _loss;
    private readonly Scratch _scratch;
    private readonly ScratchUse _chunkUse;
    private readonly int _chunkRows;
    private readonly float _logitFactor;
    private readonly float? _logitCap;

    public OptimizedHead(DecoderModel model, IDecoderKernels kernels, Scratch scratch)
    {
        (_kernels, _scratch) = (kernels, scratch);
        _linear = FusedLinear.Of([model.Head], scratch, kernels, augments: false);
        Input = new BlockInput(model.FinalNorm, scratch.ElementType, kernels);
        _logitFactor = (float)(1 / model.Config.LogitDivisor);
        _logitCap = (float?)model.Config.LogitSoftCap;
        _loss = zeros(1, ScalarType.Float64, scratch.Device).DetachFromDisposeScope();
        // Each chunk has masks of its own, so that with dropout they have to be those of the reference.
        _chunkRows = _linear.MaskedColumns > 0 ? LossHead.RowsAtOnce(_linear.Rows) : RowsAtOnce(_linear.Rows);

        // A head that needs no decompression leaves that room free.
        _chunkUse = _linear.Decompresses ? ScratchUse.Logits : ScratchUse.Weight;
        scratch.Reserve(_chunkUse, (long)_chunkRows * ChunkColumns);
    }

    /// <summary>Rows of logits that exist at once, at most.</summary>
    public static int RowsAtOnce(int vocabulary) => LogitChunks.Rows(vocabulary, FewestRows, MostRows);

    /// <summary>Bytes that it keeps beside the weights of the model.</summary>
    public long CopyBytes => _linear.CopyBytes + (Input.Norm?.CopyBytes ?? 0);

    /// <summary>What must be in the compute type before a pass.</summary>
    public IEnumerable<FactorBlock> Factors => _linear.Factors;

    /// <summary>The linear layer from hidden states to logits.</summary>
    public FusedLinear Linear => _linear;

    /// <summary>Rows of logits that exist at once, at most.</summary>
    public int ChunkRows => _chunkRows;

    /// <summary>What it reads of the residual stream: the final norm.</summary>
    public BlockInput Input { get; }

    /// <summary>See <see cref="ITrainingPass.Temperature"/>.</summary>
    public double Temperature
    {
        get;
        set => field = value == 1 || _logitCap is null ? value : throw new ConfigurationException(
            $"'temperature' is {value}, and the model caps its logits, which the optimized path divides by none. "
            + "Choose temperature 1, or optimized false.");
    }
        = 1;

    private int ChunkColumns => 2 * _linear.Columns + _linear.KeptColumns + _linear.Rank + _linear.Rows;

    /// <summary>
    /// Takes the last layer's output in <c>FinalResidual</c> and its norm in <c>NormOutput</c>; leaves the gradient of
    /// the output, times <paramref name="scale"/>, in <c>Gradient</c>.
    /// </summary>
    public void Run(Batch batch, double scale, PassBuffers pass, PassKey key, TokenRange? range = null)
    {
        pass.BlockOutput.Tensor.Clear();
        pass.Gradient.Tensor.Clear();
        Score(batch, scale, pass, key, range);
        Input.Backward(pass.FinalResidual, pass.BlockOutput, pass.Gradient, pass.NormOutput);
    }

    /// <summary>
    /// The same for any loss of the log-probabilities. The gradient of a log-probability by the hidden state is made
    /// with it, and only multiplied once the loss has said by what; a head that is trained runs once more for its own.
    /// </summary>
    public void Run(Batch batch, TokenObjective objective, PassBuffers pass, PassKey key, TokenRange? range = null)
    {
        pass.BlockOutput.Tensor.Clear();
        pass.Gradient.Tensor.Clear();
        var (positions, targets) = BatchTargets.Of(batch, _scratch.Device, range);
        using var losses = empty([targets.NumberOfElements], ScalarType.Float32, _scratch.Device);
        if (_linear.IsTrained)
        {
            Sweep(
                positions, targets, key, pass, (chunk, start) => Judge(chunk, targets, start, losses),
                temperature: Temperature);
            using var scales = Scales(objective, losses);
            Sweep(
                positions, targets, key, pass, (chunk, start) =>
                {
                    Judge(chunk, targets, start, losses);
                    using var own = scales.narrow(0, start, chunk.Logits.Rows);
                    ScaleRows(chunk.Logits.Tensor, own);
                },
                (chunk, places, _) => pass.BlockOutput.Tensor.IncreaseRows(places, chunk.Gradient.Tensor), Temperature);
        }
        else
        {
            // Several targets may share a position, so gradients are kept by target until they are multiplied.
            using var units = empty(
                [targets.NumberOfElements, _linear.Columns], _scratch.ElementType, _scratch.Device);
            Sweep(
                positions, targets, key, pass, (chunk, start) => Judge(chunk, targets, start, losses),
                (chunk, _, start) =>
                {
                    using var own = units.narrow(0, start, chunk.Gradient.Rows);
                    own.copy_(chunk.Gradient.Tensor);
                },
                Temperature);
            using var scales = Scales(objective, losses);
            ScaleRows(units, scales);
            pass.BlockOutput.Tensor.IncreaseRows(positions, units);
        }

        Input.Backward(pass.FinalResidual, pass.BlockOutput, pass.Gradient, pass.NormOutput);
    }

    /// <summary>
    /// Log-probabilities of the targets, of the norm of the last layer's output in <c>NormOutput</c>.
    /// </summary>
    public float[] LogProbabilities(Batch batch, PassBuffers pass, TokenRange? range = null)
    {
        var (positions, targets) = BatchTargets.Of(batch, _scratch.Device, range);
        using var losses = empty([targets.NumberOfElements], ScalarType.Float32, _scratch.Device);
        Sweep(
            positions, targets, null, pass, (chunk, start) => Judge(chunk, targets, start, losses),
            temperature: Temperature);
        return Negative(losses);
    }

    /// <summary>
    /// The same for rows of several adapters, of which each has a weight, masks and a loss of its own.
    /// </summary>
    /// <param name="batches">The rows, in order.</param>
    /// <param name="shared">Told whose the rows at hand are.</param>
    /// <param name="pass">Shared buffers.</param>
    /// <returns>The summed cross-entropy of each; waits for the device.</returns>
    public double[] Run(IReadOnlyList<AdapterBatch> batches, SharedAdapters shared, PassBuffers pass)
    {
        pass.BlockOutput.Tensor.Clear();
        pass.Gradient.Tensor.Clear();
        using var losses = zeros(batches.Count, ScalarType.Float64, _scratch.Device);
        var start = 0L;
        foreach (var (i, (adapter, batch, weight, key)) in batches.Index())
        {
            shared.Spans = [new AdapterSpan(adapter, 0, int.MaxValue, null)];
            var (positions, targets) = BatchTargets.Of(batch, _scratch.Device);
            using var places = positions.Minus(-start);
            using var loss = losses.narrow(0, i, 1);
            Score(places, targets, weight, pass, key, loss);
            start += batch.TokenCount;
        }

        Input.Backward(pass.FinalResidual, pass.BlockOutput, pass.Gradient, pass.NormOutput);
        using var onHost = losses.cpu();
        return [.. onHost.data<double>()];
    }

    /// <summary>Takes the norm of the last layer's output in <c>NormOutput</c>, for <see cref="Loss"/> alone.</summary>
    public void Evaluate(Batch batch, PassBuffers pass, TokenRange? range = null) =>
        Score(batch, 1, pass, key: null, range);

    private void Score(Batch batch, double scale, PassBuffers pass, PassKey? key, TokenRange? range)
    {
        var (positions, targets) = BatchTargets.Of(batch, _scratch.Device, range);
        _loss.Clear();
        Score(positions, targets, scale, pass, key, _loss);
    }

    private void Score(
        Tensor positions, Tensor targets, double scale, PassBuffers pass, PassKey? key, Tensor loss) => Sweep(
        positions, targets, key, pass, (chunk, start) =>
        {
            using var labels = targets.narrow(0, start, chunk.Logits.Rows);
            _kernels.CrossEntropy(chunk.Logits, labels, scale, _logitCap, loss);
        },
        key is null ? null : (chunk, places, _) => _kernels.ScatterRows(chunk.Gradient, places, pass.BlockOutput));

    /// <summary>
    /// Goes over the targets a chunk at a time: makes logits, has their gradient put in their place, and takes that
    /// back to what is trained of the head and to the hidden states, whose gradient it gives away with their positions.
    /// </summary>
    private void Sweep(
        Tensor positions, Tensor targets, PassKey? key, PassBuffers pass, Action<Chunk, int> judge,
        Action<Chunk, Tensor, int>? place = null, double temperature = 1)
    {
        var factor = (float)(_logitFactor / temperature);
        _linear.Hold();
        var count = (int)targets.NumberOfElements;
        for (var start = 0; start < count; start += _chunkRows)
        {
            var chunk = ChunkOf(Math.Min(_chunkRows, count - start));
            using var places = positions.narrow(0, start, chunk.Logits.Rows);
            var masks = MasksOf(key, start);
            _kernels.GatherRows(pass.NormOutput, places, chunk.Hidden);
            if (factor != 1)
                _kernels.Scale(chunk.Hidden, factor, chunk.Hidden); // f (Wh h) = Wh (f h), which is narrower
            _linear.Forward(chunk.Hidden, chunk.Kept, chunk.Logits, masks);
            judge(chunk, start);
            if (place is null)
                continue;
            var g = _linear.InputGradient(chunk.Logits, chunk.Kept, chunk.LoraHiddenGradient, chunk.Gradient, masks);
            _linear.AddGradients(chunk.Logits, g, chunk.Hidden, chunk.Kept, masks);
            if (factor != 1)
                _kernels.Scale(chunk.Gradient, factor, chunk.Gradient);
            place(chunk, places, start);
        }

        _linear.Release();
    }

    private void Judge(Chunk chunk, Tensor targets, int start, Tensor losses)
    {
        using var labels = targets.narrow(0, start, chunk.Logits.Rows);
        using var own = losses.narrow(0, start, chunk.Logits.Rows);
        _kernels.CrossEntropies(chunk.Logits, labels, _logitCap, own);
    }

    /// <summary>The log-probabilities; waits for the device.</summary>
    private static float[] Negative(Tensor losses)
    {
        using var onHost = losses.neg();
        using var values = onHost.cpu();
        return [.. values.data<float>()];
    }

    /// <summary>The derivatives of a loss by the cross-entropies.</summary>
    private Tensor Scales(TokenObjective objective, Tensor losses)
    {
        using var byLogProbabilities = tensor(objective(Negative(losses)), device: _scratch.Device);
        return byLogProbabilities.neg();
    }

    /// <summary>rows[i] *= scales[i].</summary>
    private static void ScaleRows(Tensor rows, Tensor scales)
    {
        using var column = scales.unsqueeze(1);
        rows.mul_(column);
    }

    /// <summary>Names the masks of a chunk, as <see cref="LossHead"/> does.</summary>
    private static PassKey? MasksOf(PassKey? key, int start) => key is { } own
        ? own with { Seed = CounterRandom.Hash(own.Seed, RandomPurpose.Dropout, (ulong)start) }
        : null;

    private Chunk ChunkOf(int rows)
    {
        var memory = _scratch.Take(_chunkUse, _chunkRows, ChunkColumns).RowRange(0, rows);
        var (hidden, kept, rank) = (_linear.Columns, _linear.KeptColumns, _linear.Rank);
        return new Chunk(
            memory.ColumnRange(0, hidden), memory.ColumnRange(hidden, hidden),
            memory.ColumnRange(2 * hidden + kept + rank, _linear.Rows),
            kept > 0 ? memory.ColumnRange(2 * hidden, kept) : null,
            rank > 0 ? memory.ColumnRange(2 * hidden + kept, rank) : null);
    }

    /// <summary>
    /// The summed cross-entropy of the last run in nats; waits for the device, so ask when all work is queued.
    /// </summary>
    public double Loss() => _loss.item<double>();

    public void Dispose()
    {
        _linear.Dispose();
        Input.Dispose();
        _loss.Dispose();
    }

    /// <summary>Some rows of the batch at the head: parts of one matrix.</summary>
    private readonly record struct Chunk(
        Matrix Hidden, Matrix Gradient, Matrix Logits, Matrix? Kept, Matrix? LoraHiddenGradient);
}
