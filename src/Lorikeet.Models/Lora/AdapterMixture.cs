using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>The factors of an adapter that is the weighted sum of others on the same model.</summary>
internal sealed class AdapterMixture
{
    private readonly IReadOnlyList<(Adapter Adapter, double Weight)> _parts;
    private readonly CombinationSettings _settings;
    private readonly int _rank;

    /// <exception cref="ConfigurationException">One of them is more than plain factors.</exception>
    public AdapterMixture(IReadOnlyList<(Adapter Adapter, double Weight)> parts, CombinationSettings settings)
    {
        foreach (var (adapter, _) in parts)
            RequirePlain(adapter);
        var ranks = parts.Select(part => part.Adapter.Options.Rank).ToList();
        (_parts, _settings) = (parts, settings);
        _rank = settings.Kind == CombinationKind.Concatenated ? ranks.Sum()
            : settings.Decomposes ? settings.Rank ?? ranks.Max()
            : ranks[0];
    }

    /// <summary>The factors by linear layer.</summary>
    public IEnumerable<(Projection Projection, LoraFactors Factors)> Factors(DecoderModel model)
    {
        foreach (var projection in model.AllProjections)
        {
            var pairs = _parts.SelectMany(part => part.Adapter.Factors.Where(pair => pair.Projection == projection)
                .Select(pair =>
                    new WeightedPair(pair.Factors.A, pair.Factors.B, pair.Factors.Scale, part.Weight))).ToList();
            if (pairs.Count == 0)
                continue;
            var (a, b) = AdapterCombination.Combine(pairs, _settings, _rank, projection.Name);
            yield return (projection, new LoraFactors(Parameter.Leaf(a), Parameter.Leaf(b), 1, 0));
        }
    }

    /// <summary>The factors of the embedding; null where none of the adapters has any.</summary>
    public EmbeddingFactors? FactorsOfEmbedding()
    {
        var pairs = _parts.Where(part => part.Adapter.FactorsOfEmbedding is not null)
            .Select(part => (Factors: part.Adapter.FactorsOfEmbedding!, part.Weight))
            .Select(pair => new WeightedPair(pair.Factors.A, pair.Factors.B, pair.Factors.Scale, pair.Weight))
            .ToList();
        if (pairs.Count == 0)
            return null;
        var (a, b) = AdapterCombination.Combine(pairs, _settings, _rank, TensorNames.Embedding);
        return new EmbeddingFactors(Parameter.Leaf(a), Parameter.Leaf(b), null, 1);
    }

    /// <summary>The sum's form, in which every module is named in full.</summary>
    public LoraOptions FormOf(IReadOnlyList<Parameter> parameters)
    {
        var modules = parameters.Select(parameter => parameter.Name)
            .Select(parameter => parameter[..parameter.IndexOf(".lora_", StringComparison.Ordinal)]);
        return new LoraOptions
        {
            Rank = _rank,
            Alpha = _rank,
            TargetModules = TargetModules.Named([.. modules.Distinct()])
        };
    }

    private static void RequirePlain(Adapter adapter)
    {
        var isPlain = adapter.Factors.All(pair => pair.Factors.IsPlain)
            && adapter.FactorsOfEmbedding?.Magnitude is null;
        var others = adapter.Parameters.FirstOrDefault(
            parameter => !parameter.Name.Contains(".lora_", StringComparison.Ordinal));
        if (isPlain && others is null)
            return;
        throw new ConfigurationException(
            $"The adapter '{adapter.Name}' " +
            $"{(others is null ? "is a variant of LoRA" : $"also trained '{others.Name}'")}, and only plain factors " +
            "can be summed. A PiSSA adapter becomes plain with pissa_convert.");
    }
}
