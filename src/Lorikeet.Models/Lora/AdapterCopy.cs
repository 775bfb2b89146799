using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>The values that an adapter has now.</summary>
internal sealed class AdapterCopy(Adapter source) : IAdapterValues
{
    private readonly Dictionary<Projection, LoraFactors> _factors = source.Factors.ToDictionary();

    private readonly Dictionary<string, Tensor> _others =
        source.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value);

    /// <inheritdoc/>
    public LoraFactors FactorsOf(Projection projection) => _factors[projection].Copy();

    /// <inheritdoc/>
    public EmbeddingFactors FactorsOfEmbedding() => source.FactorsOfEmbedding!.Copy();

    /// <inheritdoc/>
    public Tensor Copy(string name, Func<Tensor> ofBase) => Parameter.LeafLike(_others[name]);
}
