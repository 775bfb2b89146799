using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>
/// Where the tensors of an adapter come from: <see cref="LoraInitializer"/> initializes them, or a file holds them.
/// </summary>
internal interface IAdapterValues
{
    /// <summary>The factors of a linear layer.</summary>
    LoraFactors FactorsOf(Projection projection);

    /// <summary>The factors of the embedding.</summary>
    EmbeddingFactors FactorsOfEmbedding();

    /// <summary>The trained copy of one of the base's own tensors, a float32 leaf.</summary>
    /// <param name="name">The parameter.</param>
    /// <param name="ofBase">Copies the base's values, in any type.</param>
    Tensor Copy(string name, Func<Tensor> ofBase);
}
