using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;

namespace Lorikeet;

/// <summary>How <see cref="LanguageModel.Load"/> loads a model.</summary>
public sealed record LanguageModelOptions
{
    /// <summary>
    /// How the frozen weights are stored; see <see cref="Lorikeet.Quantization"/> for the common ways.
    /// </summary>
    /// <value><see cref="Quantization.None"/>: as in the checkpoint.</value>
    public QuantizationOptions Quantization { get; init; } = Lorikeet.Quantization.None;

    /// <summary>Adapters to load with the model, PEFT folders or hub ids; the first is active afterwards.</summary>
    /// <value>None: the model as it is.</value>
    public IReadOnlyList<NamedAdapter> Adapters { get; init; } = [];

    /// <summary>Branch, tag or commit of a model on the hub.</summary>
    /// <value>Null: the repository's main branch.</value>
    public string? Revision { get; init; }

    /// <summary>Type of activations and GEMMs.</summary>
    /// <value>
    /// <see cref="ComputeType.Auto"/>: float32 for a float32 checkpoint, else bfloat16 where the hardware multiplies it
    /// natively, else float32.
    /// </value>
    public ComputeType ComputeType { get; init; } = ComputeType.Auto;

    /// <summary>Type that the rotary frequencies are rounded to: float32 or bfloat16.</summary>
    /// <value><see cref="ComputeType.Float32"/>, as transformers keeps them.</value>
    public ComputeType RotaryType { get; init; } = ComputeType.Float32;

    /// <summary>Which of transformers' attentions is computed.</summary>
    /// <value><see cref="AttentionImplementation.Sdpa"/>, its default; it matters for Gemma 2 alone.</value>
    public AttentionImplementation AttentionImplementation { get; init; }

    /// <summary>Where the model computes: <c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    /// <value><c>auto</c>: the first CUDA device that answers, else the CPU.</value>
    public string Device { get; init; } = "auto";

    /// <summary>
    /// Layers whose frozen weights stay in the host's memory and are copied to the GPU when they are used.
    /// </summary>
    /// <value>0: all weights lie on the device.</value>
    public int OffloadLayers { get; init; }

    /// <summary>
    /// Whether the model will only answer up to 8 prompts at a time and not train. Then <see cref="ComputeType.Auto"/>
    /// is bfloat16 on every CPU for a 16-bit checkpoint: decoding few rows reads weights more than it multiplies.
    /// </summary>
    /// <value>False.</value>
    public bool AnswersFewPrompts { get; init; }

    /// <summary>
    /// Folder of a libtorch 2.10 or later, such as <c>site-packages/torch/lib</c> of a Python install.
    /// </summary>
    /// <value>Null: the environment variable LORIKEET_LIBTORCH, then the CPU build in the NuGet cache.</value>
    public string? LibTorch { get; init; }

    /// <summary>Whether each rank of several holds a part of every layer.</summary>
    internal bool ShardBase { get; init; }

    /// <summary>The same as options of a training run.</summary>
    internal ModelOptions ToModelOptions(string model) => new()
    {
        Model = model,
        Revision = Revision,
        TorchDtype = ComputeType,
        RotaryType = RotaryType,
        AttentionImplementation = AttentionImplementation,
        Device = Device,
        OffloadLayers = OffloadLayers,
        ShardBase = ShardBase,
        DecodesFewRows = AnswersFewPrompts,
        LibTorch = LibTorch,
    };

    /// <summary>Those of a training run's model.</summary>
    internal static LanguageModelOptions Of(ModelOptions model, QuantizationOptions quantization) => new()
    {
        Quantization = quantization,
        Revision = model.Revision,
        ComputeType = model.TorchDtype,
        RotaryType = model.RotaryType,
        AttentionImplementation = model.AttentionImplementation,
        Device = model.Device,
        OffloadLayers = model.OffloadLayers,
        ShardBase = model.ShardBase,
        AnswersFewPrompts = model.DecodesFewRows,
        LibTorch = model.LibTorch,
    };
}
