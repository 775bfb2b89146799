using System.Text.Json.Nodes;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>OLMo 2: norms after the blocks, and of queries and keys over all heads together.</summary>
internal sealed class Olmo2 : ModelFamily
{
    public override string ModelType => "olmo2";

    public override string Architecture => "Olmo2ForCausalLM";

    public override string? GgufArchitecture => "olmo2";

    public override JsonObject Defaults => new() { ["rms_norm_eps"] = 1e-5 };

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys) => shape with
    {
        NormPlacement = NormPlacement.After,
        NormWeighting = NormWeighting.BeforeRounding,
        QueryKeyNorm = QueryKeyNorm.WholeWidth,
        FeedForwardBias = false,
    };

    public override string? WhyNotInGguf(ModelConfig config) =>
        config.TiedEmbeddings ? "has a head of its own in this architecture"
        : config.HeadSize * config.HeadCount != config.HiddenSize ? "has heads of hidden size / heads here" : null;
}
