using Lorikeet.Formats.Options;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;
using Lorikeet.Server;

namespace Lorikeet.Cli.Inference;

/// <summary>Options of <c>serve</c>.</summary>
internal sealed record ServeOptions : IInferenceOptions
{
    /// <summary>The models that answer, and where they compute.</summary>
    public InferenceOptions Model { get; init; } = new();

    /// <summary>Where the server listens, who may ask it, and how much.</summary>
    public ServerOptions Server { get; init; } = new();

    /// <summary>How many answers are decoded at once, and in how much memory.</summary>
    public EngineOptions Engine { get; init; } = new();

    /// <summary>How the base model is stored, in bitsandbytes' terms.</summary>
    public QuantizationOptions Quantization { get; init; } = new();
}
