using Lorikeet.Formats.Options;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Cli.Inference;

/// <summary>The model that answers, and where it computes.</summary>
internal sealed record InferenceOptions
{
    /// <summary>Model: a folder in Hugging Face format, a GGUF file, or a hub id.</summary>
    /// <value>Not set: the base model that the adapter names.</value>
    [Option("model", Placeholder = "DIR|ID", Input = "the model")]
    public string Model { get; init; } = "";

    /// <summary>Branch, tag or commit of a hub model.</summary>
    /// <value>Not set: the repository's main branch.</value>
    [Option("revision")]
    public string? Revision { get; init; }

    /// <summary>
    /// PEFT adapter to answer with; several are named NAME=DIR, and the first is active unless a row names another.
    /// </summary>
    /// <value>Not set: the model as it is.</value>
    [Option("adapter", Placeholder = "DIR|ID", Input = "the adapter")]
    public IReadOnlyList<string> Adapters { get; init; } = [];

    /// <summary>Answer with a weighted sum of the adapters: NAME=WEIGHT for each.</summary>
    /// <value>None: one adapter is active at a time.</value>
    [Option("combine", Placeholder = "NAME=X")]
    public IReadOnlyDictionary<string, double> Combine { get; init; } = new Dictionary<string, double>();

    /// <summary>How adapters are summed, as PEFT's add_weighted_adapter.</summary>
    /// <value>
    /// cat. Exact: factors side by side; the others stay as small as one adapter, and are approximations.
    /// </value>
    [Option("combination_type")]
    public CombinationKind CombinationType { get; init; } = CombinationKind.Concatenated;

    /// <summary>Rank of a sum by svd.</summary>
    /// <value>Not set: the largest of the adapters' ranks.</value>
    [Option("svd_rank", Minimum = 1)]
    public int? SvdRank { get; init; }

    /// <summary>
    /// Share of the elements that ties and magnitude_prune keep of each adapter, the largest (density in PEFT).
    /// </summary>
    /// <value>1. All of them.</value>
    [Option("combination_density", "density", Above = 0, Maximum = 1)]
    public double Density { get; init; } = 1;

    /// <summary>What decides the sign of an element in ties.</summary>
    /// <value>total. The sum of the elements, as in PEFT.</value>
    [Option("majority_sign_method")]
    public SignMajority MajoritySign { get; init; } = SignMajority.Total;

    /// <summary>Type the model computes in.</summary>
    /// <value>
    /// auto. float32 for a float32 checkpoint; else bfloat16 where the device multiplies it natively, and where
    /// generate and chat answer up to 8 prompts, which read the weights more than they multiply; else float32.
    /// </value>
    [Option("torch_dtype")]
    public ComputeType TorchDtype { get; init; } = ComputeType.Auto;

    /// <summary>Type the rotary frequencies are rounded to: float32, or bfloat16 to match a converted model.</summary>
    /// <value>float32. As from_pretrained keeps them; <c>model.to(torch.bfloat16)</c> rounds them.</value>
    [Option("rope_inv_freq_dtype")]
    public ComputeType RotaryType { get; init; } = ComputeType.Float32;

    /// <summary>Where to compute: auto, cpu, cuda or cuda:N.</summary>
    /// <value>auto. The first CUDA device when libtorch has CUDA and a device answers, else the CPU.</value>
    [Option("device")]
    public string Device { get; init; } = "auto";

    /// <summary>
    /// Folder of a libtorch 2.10 or later to use, such as site-packages/torch/lib of a Python install.
    /// </summary>
    /// <value>Not set: LORIKEET_LIBTORCH, then the CPU build that NuGet restored.</value>
    [Option("libtorch", Placeholder = "DIR")]
    public string? LibTorch { get; init; }

    /// <summary>How adapters are combined.</summary>
    public CombinationSettings ToCombination() => new()
    {
        Kind = CombinationType,
        Rank = SvdRank,
        Density = Density,
        Majority = MajoritySign,
    };

    /// <summary>How the model is loaded.</summary>
    /// <param name="quantization">How the base is stored.</param>
    /// <param name="decodesFewRows">Whether a few prompts are answered at a time.</param>
    public LanguageModelOptions ToLoading(QuantizationOptions quantization, bool decodesFewRows = false) => new()
    {
        Quantization = quantization,
        Adapters = NamedAdapter.Parse(Adapters),
        Revision = Revision,
        ComputeType = TorchDtype,
        RotaryType = RotaryType,
        Device = Device,
        AnswersFewPrompts = decodesFewRows,
        LibTorch = LibTorch,
    };
}
