namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>Llama 1, 2 and 3, and all that took over their layer; other families are described beside it.</summary>
internal sealed class Llama : ModelFamily
{
    public override string ModelType => "llama";

    public override string Architecture => "LlamaForCausalLM";
}
