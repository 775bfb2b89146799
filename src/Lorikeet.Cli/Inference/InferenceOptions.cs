using Lorikeet.Formats.Options;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Cli.Inference;

/// <summary>The model that answers, and where it computes.</summary>
internal sealed record InferenceOptions : ComputeOptions
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
        AttentionImplementation = AttentionImplementation,
        Device = Device,
        AnswersFewPrompts = decodesFewRows,
        LibTorch = LibTorch,
    };
}
