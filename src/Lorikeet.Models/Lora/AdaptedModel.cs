using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;

namespace Lorikeet.Models.Lora;

/// <summary>The LoRA factors of a model's parts.</summary>
internal static class AdaptedModel
{
    extension(Projection projection)
    {
        /// <summary>The LoRA factors on this projection, if any.</summary>
        public LoraFactors? Lora => projection.Adapter as LoraFactors;
    }

    extension(DecoderModel model)
    {
        /// <summary>The LoRA factors on the embedding, if any.</summary>
        public EmbeddingFactors? EmbeddingLora => model.EmbeddingAdapter as EmbeddingFactors;
    }

    extension(ModelState state)
    {
        /// <summary>The LoRA factors by projection, where there are any.</summary>
        public IEnumerable<(Projection Projection, LoraFactors Factors)> Factors =>
            state.Adapters.Select(pair => (pair.Projection, (LoraFactors)pair.Adapter));

        /// <summary>The LoRA factors on the embedding, if any.</summary>
        public EmbeddingFactors? EmbeddingFactors => state.EmbeddingAdapter as EmbeddingFactors;
    }
}
