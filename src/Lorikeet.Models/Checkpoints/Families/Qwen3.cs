using System.Text.Json.Nodes;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>Qwen 3: queries and keys are normalised per head.</summary>
internal sealed class Qwen3 : ModelFamily
{
    public override string ModelType => "qwen3";

    public override string Architecture => "Qwen3ForCausalLM";

    public override string? GgufArchitecture => "qwen3";

    public override JsonObject Defaults => new() { ["head_dim"] = 128 };

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys) => Qwen2.WithWindows(shape, keys) with
    {
        QueryKeyNorm = QueryKeyNorm.PerHead,
    };
}
