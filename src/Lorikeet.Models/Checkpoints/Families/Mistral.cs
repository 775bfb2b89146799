using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>Mistral: Llama with a window in every layer.</summary>
internal sealed class Mistral : ModelFamily
{
    public override string ModelType => "mistral";

    public override string Architecture => "MistralForCausalLM";

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys) => shape with
    {
        SlidingWindow = keys.Window,
    };
}
