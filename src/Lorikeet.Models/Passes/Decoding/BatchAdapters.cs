using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>
/// The adapters that rows are read with: their factors in the compute type, made ready at first use, under a number
/// each. Those of adapters that were disposed are let go with the next step.
/// </summary>
/// <param name="linears">The products of a step, beside their projections.</param>
/// <param name="kernels">What loads factors.</param>
/// <param name="type">The compute type.</param>
/// <param name="device">The model's.</param>
internal sealed class BatchAdapters(
    IReadOnlyList<(IReadOnlyList<Projection> Projections, IBatchLinear Linear)> linears, IDecoderKernels kernels,
    ScalarType type, Device device) : IDisposable
{
    /// <summary>Adapters that are ready at once; the one that was used least recently makes room for another.</summary>
    public const int Most = 256;

    private readonly Dictionary<ModelAdapter, Entry> _entries = [];
    private readonly Stack<int> _free = new(Enumerable.Range(0, Most).Reverse());
    private long _step;

    /// <summary>The numbers of the sequences' adapters, -1 for the base.</summary>
    /// <exception cref="ArgumentException">They have more than <see cref="Most"/> between them.</exception>
    public int[] NumbersOf(IReadOnlyList<StepSequence> sequences)
    {
        _step++;
        foreach (var adapter in _entries.Keys.Where(adapter => adapter.IsDisposed).ToList())
            Drop(adapter);
        return [.. sequences.Select(sequence => sequence.Adapter is { } adapter ? NumberOf(adapter) : -1)];
    }

    /// <summary>Takes over factors that changed in place.</summary>
    public void Refresh(ModelAdapter adapter)
    {
        if (_entries.TryGetValue(adapter, out var entry))
            Load(entry);
    }

    public void Dispose()
    {
        foreach (var adapter in _entries.Keys.ToList())
            Drop(adapter);
    }

    private int NumberOf(ModelAdapter adapter)
    {
        if (!_entries.TryGetValue(adapter, out var entry))
            _entries[adapter] = entry = Load(adapter);
        entry.LastStep = _step;
        return entry.Number;
    }

    private Entry Load(ModelAdapter adapter)
    {
        if (_free.Count == 0)
            MakeRoom();
        var number = _free.Pop();
        var loras = adapter.Projections.ToDictionary(pair => pair.Projection, pair => (LoraFactors)pair.Adapter);
        var factors = linears.Select(linear => new DecodingAdapters(
            linear.Projections, loras.GetValueOrDefault, type, device)).ToArray();
        var entry = new Entry(number, factors, kernels.Factors([.. factors.SelectMany(each => each.Factors)]));
        Load(entry);
        return entry;
    }

    private void Load(Entry entry)
    {
        entry.Table.Load();
        for (var i = 0; i < linears.Count; i++)
            linears[i].Linear.Set(entry.Number, entry.Factors[i].Rank > 0 ? entry.Factors[i] : null);
    }

    private void MakeRoom()
    {
        var (adapter, entry) = _entries.MinBy(pair => pair.Value.LastStep);
        if (entry.LastStep == _step)
            throw new ArgumentException($"A step has more than {Most} adapters.");
        Drop(adapter);
    }

    private void Drop(ModelAdapter adapter)
    {
        _entries.Remove(adapter, out var entry);
        foreach (var (_, linear) in linears)
            linear.Set(entry!.Number, null);
        _free.Push(entry!.Number);
        entry.Dispose();
    }

    private sealed class Entry(int number, DecodingAdapters[] factors, IFactorTable table) : IDisposable
    {
        public int Number => number;

        /// <summary>By linear layer.</summary>
        public IReadOnlyList<DecodingAdapters> Factors => factors;

        public IFactorTable Table => table;

        /// <summary>The step that used it last.</summary>
        public long LastStep { get; set; }

        public void Dispose()
        {
            table.Dispose();
            foreach (var each in factors)
                each.Dispose();
        }
    }
}
