using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Passes;

namespace Lorikeet.Training.Loop;

/// <summary>
/// The micro-batches of a step, as planned or, where memory does not suffice for them, in parts that count in the loss
/// what the whole would.
/// </summary>
internal sealed class MicroBatches
{
    private readonly int[] _wholeOf; // of each part

    private MicroBatches(IReadOnlyList<IReadOnlyList<TrainingRow>> whole, int mostRows)
    {
        Whole = whole;
        var parts = whole.Index()
            .SelectMany(planned => planned.Item.Chunk(mostRows), (planned, part) => (planned.Index, part))
            .ToList();
        (_wholeOf, Rows) = ([.. parts.Select(part => part.Index)], [.. parts.Select(part => part.part)]);
        Batches = [.. Rows.Select(Batch.FromRows)];
    }

    /// <summary>Rows of each micro-batch as planned.</summary>
    public IReadOnlyList<IReadOnlyList<TrainingRow>> Whole { get; }

    /// <summary>Rows of each part.</summary>
    public IReadOnlyList<IReadOnlyList<TrainingRow>> Rows { get; }

    /// <summary>Each part's rows end to end.</summary>
    public IReadOnlyList<Batch> Batches { get; }

    /// <summary>Divides what is planned.</summary>
    /// <param name="whole">Rows of each micro-batch.</param>
    /// <param name="mostRows">Most rows of a part.</param>
    public static MicroBatches Of(IReadOnlyList<IReadOnlyList<TrainingRow>> whole, int mostRows) =>
        new(whole, mostRows);

    /// <summary>What one predicted token of each part counts in the step's loss.</summary>
    /// <inheritdoc cref="LossWeights.Of"/>
    public IReadOnlyList<double> Weights(LossDenominator denominator, int accumulation)
    {
        var planned = Rows.Count == Whole.Count ? Batches : [.. Whole.Select(Batch.FromRows)];
        var weights = LossWeights.Of(Whole, planned, denominator, accumulation);
        return [.. _wholeOf.Select(whole => weights[whole])];
    }
}
