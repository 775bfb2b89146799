using Lorikeet.Models.Generation;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Extensions.AI;

/// <summary>
/// A model that an application answers with; its properties are the keys of a section of configuration.
/// </summary>
public sealed class LorikeetOptions
{
    /// <summary>
    /// A folder in Hugging Face format, a GGUF file or a hub id; or a PEFT adapter, which brings its base.
    /// </summary>
    /// <value>Empty: the base that the first of <see cref="Adapters"/> names.</value>
    public string Model { get; set; } = "";

    /// <summary>
    /// Adapters beside the model, as <c>NAME=SOURCE</c> or the source alone: PEFT folders or hub ids. The first
    /// answers where a request names no model.
    /// </summary>
    public IList<string> Adapters { get; } = [];

    /// <summary>How the frozen weights are stored.</summary>
    /// <value><see cref="QuantizationKind.None"/>: as in the checkpoint.</value>
    public QuantizationKind Quantization { get; set; }

    /// <summary>Type of activations and GEMMs.</summary>
    /// <value><see cref="ComputeType.Auto"/>, as for <see cref="LanguageModelOptions.ComputeType"/>.</value>
    public ComputeType ComputeType { get; set; } = ComputeType.Auto;

    /// <summary>Where the model computes: <c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    /// <value><c>auto</c>: the first CUDA device that answers, else the CPU.</value>
    public string Device { get; set; } = "auto";

    /// <summary>Branch, tag or commit of a model on the hub.</summary>
    /// <value>Null: the repository's main branch.</value>
    public string? Revision { get; set; }

    /// <summary>Folder of a libtorch 2.10 or later.</summary>
    /// <value>Null, as for <see cref="LanguageModelOptions.LibTorch"/>.</value>
    public string? LibTorch { get; set; }

    /// <summary>How many requests are decoded at once, and in how much memory.</summary>
    public EngineOptions Engine { get; set; } = new();

    /// <summary>
    /// Whether the model is loaded, and asked once, when the application starts. A model that cannot be loaded then
    /// ends the application; otherwise the first request waits for it.
    /// </summary>
    /// <value>True.</value>
    public bool WarmUp { get; set; } = true;

    /// <summary>What is given to <see cref="LanguageModel.Load"/>.</summary>
    internal LanguageModelOptions ToLoading() => new()
    {
        Quantization = Quantization switch
        {
            QuantizationKind.Nf4 => Lorikeet.Quantization.Nf4,
            QuantizationKind.Fp4 => Lorikeet.Quantization.Fp4,
            QuantizationKind.Int8 => Lorikeet.Quantization.Int8,
            QuantizationKind.Fp8 => Lorikeet.Quantization.Fp8,
            _ => Lorikeet.Quantization.None,
        },
        Adapters = NamedAdapter.Parse([.. Adapters]),
        ComputeType = ComputeType,
        Device = Device,
        Revision = Revision,
        LibTorch = LibTorch,
    };
}
