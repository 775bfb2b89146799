using Lorikeet.Formats;

namespace Lorikeet.Data.Batches;

/// <summary>How rows become batches.</summary>
public sealed record BatchPlanOptions
{
    /// <summary>Sequences (rows, or packed sequences) per micro-batch.</summary>
    public int BatchSize { get; init; } = 1;

    /// <summary>Micro-batches per optimizer step.</summary>
    public int AccumulationSteps { get; init; } = 1;

    /// <summary>Optimizer steps that take the same rows, one after the other.</summary>
    public int Repeats { get; init; } = 1;

    /// <summary>Seed of every epoch's order.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether every epoch has its own random order; otherwise the order of the rows is kept.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>
    /// Whether rows of like length share a step, as the Trainer's <c>group_by_length</c> does; packed sequences are
    /// all alike, so it does nothing to them.
    /// </summary>
    public bool GroupByLength { get; init; }

    /// <summary>Whose random order it is.</summary>
    public RowSampler Sampler { get; init; } = RowSampler.Lorikeet;

    /// <summary>Tokens per packed sequence, or null to pack nothing.</summary>
    public int? PackingLength { get; init; }
}

/// <summary>
/// Which rows every micro-batch of every step holds, as a pure function of the seed: no random state is
/// carried from step to step, so resuming needs only the epoch and the step within it.
/// </summary>
/// <remarks>
/// Counts as transformers' Trainer does: the last, smaller micro-batch of an epoch is kept, and an accumulation that
/// the epoch's end cuts short still makes a step.
/// </remarks>
public sealed class BatchPlan
{
    private readonly IReadOnlyList<int[]> _sequences;
    private readonly int[] _lengths;
    private readonly BatchPlanOptions _options;
    private (int Epoch, int[] Order)? _lastOrder;

    /// <summary>Plans the batches of rows of the given lengths.</summary>
    /// <param name="rowLengths">Tokens of each row.</param>
    /// <param name="options">Sizes, order and packing.</param>
    public BatchPlan(IReadOnlyList<int> rowLengths, BatchPlanOptions options)
    {
        if (rowLengths.Count == 0)
            throw new ArgumentException("A plan needs at least one row.", nameof(rowLengths));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.AccumulationSteps, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Repeats, 1);

        _options = options;
        _sequences = options.PackingLength is { } capacity
            ? SequencePacking.Pack(rowLengths, capacity)
            : [.. Enumerable.Range(0, rowLengths.Count).Select(row => new[] { row })];
        _lengths = [.. _sequences.Select(rows => rows.Sum(row => rowLengths[row]))];
        FillRate = options.PackingLength is { } length
            ? _lengths.Sum(tokens => (double)tokens) / ((double)length * _sequences.Count)
            : 1;
    }

    /// <summary>Sequences per epoch: rows, or packed sequences.</summary>
    public int SequenceCount => _sequences.Count;

    /// <summary>Micro-batches per epoch.</summary>
    public int MicroBatchesPerEpoch => DivideUp(SequenceCount, _options.BatchSize);

    /// <summary>Optimizer steps per epoch.</summary>
    public int StepsPerEpoch => DivideUp(MicroBatchesPerEpoch, _options.AccumulationSteps) * _options.Repeats;

    /// <summary>Tokens over the room of all packed sequences, in (0, 1]; 1 when nothing is packed.</summary>
    public double FillRate { get; }

    /// <summary>The rows of each micro-batch of a step.</summary>
    /// <param name="epoch">Epoch, from 0.</param>
    /// <param name="stepInEpoch">Step within the epoch, from 0.</param>
    /// <returns>One to <see cref="BatchPlanOptions.AccumulationSteps"/> micro-batches of row indices.</returns>
    public IReadOnlyList<IReadOnlyList<int>> StepRows(int epoch, int stepInEpoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(stepInEpoch);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(stepInEpoch, StepsPerEpoch);

        var perStep = _options.BatchSize * _options.AccumulationSteps;
        return
        [
            .. Order(epoch)
                .Skip(stepInEpoch / _options.Repeats * perStep)
                .Take(perStep)
                .Chunk(_options.BatchSize)
                .Select(sequences => sequences.SelectMany(sequence => _sequences[sequence]).ToArray()),
        ];
    }

    private int[] Order(int epoch)
    {
        if (_lastOrder is { } last && last.Epoch == epoch)
            return last.Order;

        var groups = _options is { GroupByLength: true, PackingLength: null };
        var order = !_options.Shuffle ? [.. Enumerable.Range(0, SequenceCount)]
            : _options.Sampler == RowSampler.Lorikeet ? CounterRandom.Permutation(
                SequenceCount, CounterRandom.Hash(_options.Seed, RandomPurpose.Shuffle, (ulong)epoch))
            : groups ? TransformersOrder.BeforeGrouping(SequenceCount, _options.Seed, epoch)
            : TransformersOrder.Random(SequenceCount, _options.Seed, epoch);
        if (groups)
            order = GroupByLength(order);
        _lastOrder = (epoch, order);
        return order;
    }

    /// <summary>
    /// Cuts the order into mega-batches, sorts each from the longest down, and moves the longest of all to the very
    /// front so that a lack of memory shows at once (transformers' <c>get_length_grouped_indices</c>).
    /// </summary>
    private int[] GroupByLength(int[] order)
    {
        var batch = _options.BatchSize * _options.AccumulationSteps;
        var batchesPerGroup = Math.Clamp(order.Length / (batch * 4), 1, 50);
        var groups = order
            .Chunk(batch * batchesPerGroup)
            .Select(group => group.OrderByDescending(sequence => _lengths[sequence]).ToArray())
            .ToArray();

        var longest = groups.MaxBy(group => _lengths[group[0]])!;
        (groups[0][0], longest[0]) = (longest[0], groups[0][0]);
        return [.. groups.SelectMany(group => group)];
    }

    private static int DivideUp(int dividend, int divisor) => (int)(((long)dividend + divisor - 1) / divisor);
}
