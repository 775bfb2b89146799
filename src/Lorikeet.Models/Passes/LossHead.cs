// The end of the model: final norm, head and cross-entropy, on the positions that have a target and on no others.
//
// Logits are the largest tensor of a step (positions x vocabulary), so they exist only a chunk at a time: each chunk
// runs forward and backward at once and leaves behind its loss and the gradient of its hidden states. The head itself
// is usually frozen and then costs no gradient; a trained head (modules_to_save, LoRA on lm_head) accumulates its own.
using Lorikeet.Data.Batches;
using Lorikeet.Formats;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Next-token cross-entropy in chunks.</summary>
internal sealed class LossHead
{
    private const int FewestRows = 64;

    private readonly DecoderModel _model;
    private readonly Tensor _positions;
    private readonly Tensor _targets;
    private readonly PassKey? _dropout;
    private double _temperature = 1;

    /// <summary>Finds the targets of a batch.</summary>
    /// <param name="model">The model.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="dropout">Where the masks of an adapter on the head come from; null outside training.</param>
    /// <param name="range">The tokens that this rank has of it; null for all.</param>
    public LossHead(DecoderModel model, Batch batch, PassKey? dropout = null, TokenRange? range = null)
    {
        (_model, _dropout) = (model, dropout);
        (_positions, _targets) = BatchTargets.Of(batch, model.Device, range);
    }

    /// <summary>The same with logits that are divided by a temperature.</summary>
    public LossHead At(double temperature)
    {
        _temperature = temperature;
        return this;
    }

    /// <summary>Number of targets.</summary>
    public long Count => _targets.NumberOfElements;

    /// <summary>Rows of logits that exist at once, at most.</summary>
    public static int RowsAtOnce(int vocabulary) => LogitChunks.Rows(vocabulary, FewestRows);

    /// <summary>Sum of the cross-entropies and, times <paramref name="scale"/>, their gradient.</summary>
    /// <param name="last">Output of the last layer, [tokens, hidden]; not part of any graph.</param>
    /// <param name="scale">What each cross-entropy counts in the step's loss: one over the step's targets.</param>
    /// <returns>The summed loss in nats and dL/d<paramref name="last"/>, [tokens, hidden].</returns>
    public (double Loss, Tensor Gradient) Backward(Tensor last, double scale)
    {
        using var scope = NewDisposeScope();
        var gradient = zeros_like(last);
        var loss = zeros(1, ScalarType.Float64, last.device);
        foreach (var (start, count) in Chunks())
        {
            using var chunk = NewDisposeScope();
            var positions = _positions.narrow(0, start, count);
            var hidden = last.index_select(0, positions).detach().requires_grad_();
            var chunkLoss = CrossEntropy(hidden, start, count);
            chunkLoss.Times(scale).backward();
            using var quiet = no_grad();
            gradient.index_copy_(0, positions, hidden.grad!);
            loss.Increase(chunkLoss);
        }

        return (loss.item<double>(), gradient.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// The same for any loss of the log-probabilities: the head runs once for them and once for their gradient.
    /// </summary>
    /// <param name="last">Output of the last layer, [tokens, hidden]; not part of any graph.</param>
    /// <param name="objective">The loss.</param>
    /// <returns>dL/d<paramref name="last"/>, [tokens, hidden].</returns>
    public Tensor Backward(Tensor last, TokenObjective objective)
    {
        using var scope = NewDisposeScope();
        var gradient = zeros_like(last);
        var derivatives = tensor(objective(LogProbabilities(last)), device: last.device);
        foreach (var (start, count) in Chunks())
        {
            using var chunk = NewDisposeScope();
            var positions = _positions.narrow(0, start, count);
            var hidden = last.index_select(0, positions).detach().requires_grad_();
            CrossEntropies(hidden, start, count).neg().backward([derivatives.narrow(0, start, count)]);
            using var quiet = no_grad();
            gradient.IncreaseRows(positions, hidden.grad!); // several targets may share a position
        }

        return gradient.MoveToOuterDisposeScope();
    }

    /// <summary>Log-probability of each target, without gradients.</summary>
    public float[] LogProbabilities(Tensor last)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var all = new List<float>();
        foreach (var (start, count) in Chunks())
        {
            using var chunk = NewDisposeScope();
            var hidden = last.index_select(0, _positions.narrow(0, start, count));
            all.AddRange(CrossEntropies(hidden, start, count).neg().cpu().data<float>());
        }

        return [.. all];
    }

    /// <summary>Sum of the cross-entropies, without gradients.</summary>
    public double Evaluate(Tensor last)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var loss = 0.0;
        foreach (var (start, count) in Chunks())
        {
            using var chunk = NewDisposeScope();
            loss += CrossEntropy(last.index_select(0, _positions.narrow(0, start, count)), start, count).item<float>();
        }

        return loss;
    }

    private Tensor CrossEntropy(Tensor hidden, long start, long count) =>
        CrossEntropies(hidden, start, count, nn.Reduction.Sum);

    private Tensor CrossEntropies(
        Tensor hidden, long start, long count, nn.Reduction reduction = nn.Reduction.None)
    {
        // float32 [chunk, vocabulary]; every chunk has masks of its own
        var logits = _model.Logits(_model.FinalNorm.Forward(hidden), _dropout is { } key
            ? key with { Seed = CounterRandom.Hash(key.Seed, RandomPurpose.Dropout, (ulong)start) }
            : null);
        if (_temperature != 1)
            logits = logits.Over(_temperature);
        return nn.functional.cross_entropy(logits, _targets.narrow(0, start, count), reduction: reduction);
    }

    private IEnumerable<(long Start, long Count)> Chunks()
    {
        long rows = RowsAtOnce(_model.Config.VocabularySize);
        for (var start = 0L; start < Count; start += rows)
            yield return (start, Math.Min(rows, Count - start));
    }
}
