using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;

namespace Lorikeet.Models.Passes;

/// <summary>Rows of a batch that belong to one of several adapters.</summary>
/// <param name="Adapter">Its place among them.</param>
/// <param name="Start">The first row.</param>
/// <param name="Count">How many; <see cref="int.MaxValue"/> for all there are.</param>
/// <param name="Key">Names its masks; null where the pass does.</param>
internal readonly record struct AdapterSpan(int Adapter, int Start, int Count, PassKey? Key);

/// <summary>Adapters that go through one pass, and which rows of the batch at hand are whose.</summary>
/// <param name="adapters">Plain LoRA adapters of one model.</param>
internal sealed class SharedAdapters(IReadOnlyList<Adapter> adapters)
{
    private readonly Dictionary<Projection, LoraFactors>[] _factors =
        [.. adapters.Select(adapter => adapter.Factors.ToDictionary(pair => pair.Projection, pair => pair.Factors))];

    /// <summary>How many there are.</summary>
    public int Count => _factors.Length;

    /// <summary>The rows of the batch at hand; those of nobody fill it up.</summary>
    public IReadOnlyList<AdapterSpan> Spans { get; set; } = [];

    /// <summary>What an adapter has at a projection; null for nothing.</summary>
    public LoraFactors? Of(int adapter, Projection projection) => _factors[adapter].GetValueOrDefault(projection);

    /// <summary>The lowest layer in which any is trained.</summary>
    public int FirstLayer(DecoderModel model) => model.Layers
        .TakeWhile(layer => !layer.Projections.Any(projection => _factors.Any(own => own.ContainsKey(projection))))
        .Count();

    /// <summary>Whether an adapter is nothing but factors beside frozen weights.</summary>
    public static bool Takes(Adapter adapter) =>
        adapter.HasOnlyProjections && adapter.Factors.All(pair => pair.Factors.IsPlain);
}
