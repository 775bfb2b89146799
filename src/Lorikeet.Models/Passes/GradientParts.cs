using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

/// <summary>Where the gradients of each layer lie in the buffer of all (<see cref="Gradients.All"/>).</summary>
internal sealed class GradientParts
{
    private readonly Dictionary<int, List<(long Start, long Count)>> _ofLayers = [];

    /// <summary>Finds them by the names of the parameters.</summary>
    /// <param name="parameters">In the order of the buffer.</param>
    /// <param name="layers">Layers of the model.</param>
    public GradientParts(IReadOnlyList<Parameter> parameters, int layers)
    {
        var start = 0L;
        foreach (var parameter in parameters)
        {
            Add(LayerOf(parameter.Name, layers), start, parameter.Value.NumberOfElements);
            start += parameter.Value.NumberOfElements;
        }
    }

    /// <summary>Stands for all that belongs to no layer: embedding, final norm, head.</summary>
    public const int Rest = -1;

    /// <summary>The layer that a parameter belongs to, by its name; <see cref="Rest"/> for none.</summary>
    public static int LayerOf(string name, int layers) => Enumerable.Range(0, layers)
        .Where(layer => name.StartsWith(TensorNames.Layer(layer, ""), StringComparison.Ordinal))
        .DefaultIfEmpty(Rest).First();

    /// <summary>Layers in the order in which a backward pass is done with them, then the rest.</summary>
    public IEnumerable<int> InOrder => _ofLayers.Keys.OrderDescending();

    /// <summary>The ranges of a layer; none where nothing of it is trained.</summary>
    public IReadOnlyList<(long Start, long Count)> Of(int layer) => _ofLayers.GetValueOrDefault(layer) ?? [];

    private void Add(int layer, long start, long count)
    {
        if (!_ofLayers.TryGetValue(layer, out var ranges))
            _ofLayers[layer] = ranges = [];
        if (ranges is [.., var last] && last.Start + last.Count == start)
            ranges[^1] = (last.Start, last.Count + count);
        else
            ranges.Add((start, count));
    }
}
