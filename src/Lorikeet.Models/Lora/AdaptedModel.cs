using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Lora;

/// <summary>The LoRA factors of a model's parts.</summary>
internal static class AdaptedModel
{
    extension(Projection projection)
    {
        /// <summary>The LoRA factors on this projection, if any.</summary>
        public LoraFactors? Lora => projection.Adapter as LoraFactors;
    }
}
