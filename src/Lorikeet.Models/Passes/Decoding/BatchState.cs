using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>
/// What the rows of a step are and where they stand, in memory of the device, by one upload a step. Rows of a sequence
/// lie next to each other, in the order of their positions.
/// </summary>
/// <remarks>
/// A row that is padding reads token 0 at position 0 of a sequence that every step has after its own: of one token, in
/// the first block.
/// </remarks>
internal sealed class BatchState : IDisposable
{
    private readonly int _rows, _sequences, _blocks;
    private readonly Tensor _all; // int64: the sections below, one after the other; the tables are last
    private readonly Tensor _host; // what it becomes; on a CPU itself
    private readonly List<SequencePart> _parts = [];

    /// <summary>Allocates it.</summary>
    /// <param name="limits">Of a step.</param>
    /// <param name="rows">Rows, padding included, that a step has at most.</param>
    /// <param name="device">The model's.</param>
    public BatchState(BatchLimits limits, int rows, Device device)
    {
        (_rows, _sequences, _blocks) = (rows, limits.Sequences + 1, limits.Blocks);
        _all = zeros(1 + 6L * rows + _sequences + 1 + (long)_sequences * _blocks, ScalarType.Int64, device)
            .DetachFromDisposeScope();
        _host = (device.type == DeviceType.CPU ? _all.alias() : zeros_like(_all, device: CPU)).DetachFromDisposeScope();
        var place = 0L;
        Turn = Section(1);
        Tokens = Section(rows);
        Positions = Section(rows);
        SequenceOfRow = Section(rows);
        LogitRows = Section(rows);
        Adapters = new RowAdapters(Section(rows), Turn);
        LogitAdapters = new RowAdapters(Section(rows), Turn);
        Starts = Section(_sequences + 1);
        using var tables = Section((long)_sequences * _blocks);
        Tables = tables.view(_sequences, _blocks).DetachFromDisposeScope();

        Tensor Section(long length) => _all.narrow(0, (place += length) - length, length).DetachFromDisposeScope();
    }

    /// <summary>The number of the step, another for each, int64 [1].</summary>
    public Tensor Turn { get; }

    /// <summary>Token of each row, int64 [rows].</summary>
    public Tensor Tokens { get; }

    /// <summary>Its position in its sequence, int64 [rows]; it attends to as many tokens and itself.</summary>
    public Tensor Positions { get; }

    /// <summary>Its sequence, a row of <see cref="Tables"/>, int64 [rows].</summary>
    public Tensor SequenceOfRow { get; }

    /// <summary>The rows whose logits are wanted, int64 [logits].</summary>
    public Tensor LogitRows { get; }

    /// <summary>The first row of each sequence, then the number of rows, int64 [sequences + 1].</summary>
    public Tensor Starts { get; }

    /// <summary>The blocks of each sequence in the order of its tokens, int64 [sequences, blocks].</summary>
    public Tensor Tables { get; }

    /// <summary>Adapters of the rows.</summary>
    public RowAdapters Adapters { get; }

    /// <summary>Adapters of the rows of logits.</summary>
    public RowAdapters LogitAdapters { get; }

    /// <summary>The sequences of the step for the host, in the order of their rows.</summary>
    public IReadOnlyList<SequencePart> Parts => _parts;

    /// <summary>Rows of the step, padding included.</summary>
    public int Rows { get; private set; }

    /// <summary>Sequences of the step, not the one of padding.</summary>
    public int Sequences { get; private set; }

    /// <summary>Bytes of it on the device.</summary>
    public long Bytes => _all.NumberOfElements * _all.ElementSize;

    /// <summary>Sets all of it.</summary>
    /// <param name="sequences">In the order in which their rows lie.</param>
    /// <param name="adapters">The number of each one's adapter, or -1.</param>
    /// <param name="logitRows">The rows whose logits are wanted.</param>
    /// <param name="rows">Rows, padding included.</param>
    public void Write(
        IReadOnlyList<StepSequence> sequences, ReadOnlySpan<int> adapters, ReadOnlySpan<int> logitRows, int rows)
    {
        var all = TensorMemory.Span<long>(_host);
        Span<long> tokens = Part(all, 0), positions = Part(all, 1), sequenceOfRow = Part(all, 2);
        Span<long> logits = Part(all, 3), adapterOfRow = Part(all, 4), adapterOfLogit = Part(all, 5);
        var starts = all.Slice(1 + 6 * _rows, _sequences + 1);
        var tables = all[(1 + 6 * _rows + _sequences + 1)..];
        all[0]++;
        var row = 0;
        _parts.Clear();
        for (var i = 0; i < sequences.Count; i++)
        {
            var sequence = sequences[i];
            starts[i] = row;
            _parts.Add(new SequencePart(row, sequence.Ids.Length, sequence.Length));
            for (var j = 0; j < sequence.Ids.Length; j++, row++)
            {
                (tokens[row], positions[row], sequenceOfRow[row]) = (sequence.Ids.Span[j], sequence.Start + j, i);
                adapterOfRow[row] = adapters[i];
            }

            for (var block = 0; block < PagedCache.BlocksOf(sequence.Length); block++)
                tables[i * _blocks + block] = sequence.Blocks[block];
        }

        (starts[sequences.Count], tables[sequences.Count * _blocks]) = (row, 0);
        for (; row < rows; row++)
            (tokens[row], positions[row], sequenceOfRow[row], adapterOfRow[row]) = (0, 0, sequences.Count, -1);
        starts[sequences.Count + 1] = row;
        for (var i = 0; i < rows; i++)
        {
            logits[i] = i < logitRows.Length ? logitRows[i] : i;
            adapterOfLogit[i] = i < logitRows.Length ? adapterOfRow[logitRows[i]] : -1;
        }

        (Rows, Sequences) = (rows, sequences.Count);
        Adapters.Note(adapterOfRow[..rows]);
        LogitAdapters.Note(adapterOfLogit[..logitRows.Length]);
        if (_all.device_type == DeviceType.CPU)
            return;
        var used = all.Length - tables.Length + (sequences.Count + 1L) * _blocks;
        using var from = _host.narrow(0, 0, used);
        using var to = _all.narrow(0, 0, used);
        to.copy_(from);
    }

    private Span<long> Part(Span<long> all, int section) => all.Slice(1 + section * _rows, _rows);

    public void Dispose()
    {
        foreach (var tensor in (Tensor[])[
            Turn, Tokens, Positions, SequenceOfRow, LogitRows, Adapters.Numbers, LogitAdapters.Numbers, Starts, Tables,
            _host, _all])
        {
            tensor.Dispose();
        }
    }
}

/// <summary>A sequence's rows in a step.</summary>
/// <param name="FirstRow">The first.</param>
/// <param name="Count">How many.</param>
/// <param name="Length">Tokens of the sequence after the step.</param>
internal readonly record struct SequencePart(int FirstRow, int Count, int Length);
