using System.Text.Json.Nodes;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>
/// Phi 3, 3.5 and 4 (mini and medium): query, key and value in one matrix, gate and up in another; the first part of
/// each head is rotated.
/// </summary>
internal sealed class Phi3 : ModelFamily
{
    public override string ModelType => "phi3";

    public override string Architecture => "Phi3ForCausalLM";

    public override string? GgufArchitecture => null;

    public override JsonObject Defaults => new() { ["rms_norm_eps"] = 1e-5 };

    public override bool RotatesPartially => true;

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys) => shape with
    {
        FusedProjections = true,
        SlidingWindow = keys.Window,
        QueryKeyValueBias = false,
        AttentionOutputBias = false,
        FeedForwardBias = false,
    };
}
