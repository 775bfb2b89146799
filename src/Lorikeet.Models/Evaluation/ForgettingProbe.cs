// How far an adapter has moved the model on text that it was not trained on. With p the base's distribution of a token
// and q that of the tuned model,
//
//     loss = -log q(t)        base loss = -log p(t)        divergence = Σ_v p(v) (log p(v) - log q(v))
//
// summed over the predicted tokens t. The base is the same model with its adapter off, so that nothing is loaded twice.
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Models.Evaluation;

/// <summary>Sums over the predicted tokens of some rows, in nats.</summary>
/// <param name="Loss">Cross-entropy with the adapter.</param>
/// <param name="BaseLoss">Cross-entropy of the base.</param>
/// <param name="Divergence">Kullback-Leibler divergence of the tuned model from the base.</param>
public readonly record struct ForgettingSums(double Loss, double BaseLoss, double Divergence);

/// <summary>Compares a model with its base on rows that are not the task's.</summary>
public sealed class ForgettingProbe
{
    /// <summary>Tokens that go through the layers together; a longer row goes alone.</summary>
    private const int TokensPerBatch = 1024;

    private readonly DecoderModel _model;
    private readonly Batch[] _batches;

    /// <summary>Lays the rows out.</summary>
    /// <param name="model">The model; its adapter is active when <see cref="Measure"/> is called.</param>
    /// <param name="rows">Rows whose labels say which tokens are predicted.</param>
    public ForgettingProbe(DecoderModel model, IReadOnlyList<TrainingRow> rows)
    {
        _model = model;
        _batches = [.. BatchesOf(rows).Where(batch => batch.TargetCount > 0)];
    }

    /// <summary>Batches, each of which is measured by itself.</summary>
    public int Batches => _batches.Length;

    /// <summary>Predicted tokens of all rows.</summary>
    public long Targets => _batches.Sum(batch => (long)batch.TargetCount);

    /// <summary>Measures a batch.</summary>
    /// <param name="batch">From 0 to <see cref="Batches"/>.</param>
    public ForgettingSums Measure(int batch)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var measured = _batches[batch];
        using var layout = new SegmentLayout(measured.SegmentStarts, _model.Device);
        var (positions, targets) = BatchTargets.Of(measured, _model.Device);
        var tuned = _model.Hidden(measured.Ids, layout).index_select(0, positions); // [targets, hidden]
        Tensor before;
        using (_model.WithoutAdapter())
            before = _model.Hidden(measured.Ids, layout).index_select(0, positions);

        var sums = new ForgettingSums();
        var chunk = LogitChunks.Rows(_model.Config.VocabularySize);
        for (var start = 0L; start < measured.TargetCount; start += chunk)
        {
            using var part = NewDisposeScope();
            var count = Math.Min(chunk, measured.TargetCount - start);
            var labels = targets.narrow(0, start, count).unsqueeze(1); // [count, 1]
            var q = LogProbabilities(tuned.narrow(0, start, count)); // [count, vocabulary]
            Tensor p;
            using (_model.WithoutAdapter())
                p = LogProbabilities(before.narrow(0, start, count));
            var (loss, baseLoss) = (-Sum(q.gather(1, labels)), -Sum(p.gather(1, labels)));
            var apart = p.Plus(q, -1);
            sums = new ForgettingSums(
                sums.Loss + loss, sums.BaseLoss + baseLoss, sums.Divergence + Sum(apart.mul_(p.exp_())));
        }

        return sums;
    }

    /// <summary>[rows, vocabulary], of which no copy stays: these are the largest tensors here.</summary>
    private Tensor LogProbabilities(Tensor hidden)
    {
        using var logits = _model.Logits(hidden);
        return logits.log_softmax(1);
    }

    private static double Sum(Tensor values) => values.sum(ScalarType.Float64).item<double>();

    private static IEnumerable<Batch> BatchesOf(IReadOnlyList<TrainingRow> rows)
    {
        for (var first = 0; first < rows.Count;)
        {
            var (count, tokens) = (1, rows[first].Length);
            while (first + count < rows.Count && (tokens += rows[first + count].Length) <= TokensPerBatch)
                count++;
            yield return Batch.FromRows([.. rows.Skip(first).Take(count)]);
            first += count;
        }
    }
}
