using Lorikeet.Formats.Options;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Cli.Inference;

/// <summary>Options of <c>verify</c>.</summary>
internal sealed record VerifyOptions : IInferenceOptions
{
    /// <summary>The model that is compared, and where it computes.</summary>
    public InferenceOptions Model { get; init; } = new() { TorchDtype = ComputeType.Float32 };

    /// <summary>How the base model is stored, in bitsandbytes' terms.</summary>
    public QuantizationOptions Quantization { get; init; } = new();

    /// <summary>What it is compared with.</summary>
    public ExpectedTensorsOptions Expected { get; init; } = new();
}

/// <summary>What a model is compared with.</summary>
internal sealed record ExpectedTensorsOptions
{
    /// <summary>
    /// Safetensors file of what another library computed: input_ids with logits, loss, hidden_states.0 ..., greedy,
    /// beam3, batched_leftpad_greedy; or weights by their names.
    /// </summary>
    /// <value>Required.</value>
    [Option("against", "expected", Placeholder = "FILE")]
    public string? Against { get; init; }

    /// <summary>The largest absolute difference that passes.</summary>
    /// <value>
    /// Not set: 1e-4 of the largest value, and where weights are stored in 16 or 8 bits, what such rounding is measured
    /// to change in this model. The model computes in float32 unless torch_dtype says otherwise.
    /// </value>
    [Option("tolerance", "atol", Minimum = 0)]
    public double? Tolerance { get; init; }
}
