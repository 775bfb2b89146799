using Lorikeet.Formats.Options;
using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Models.Lora;

/// <summary>The adapter, in PEFT's terms (<c>LoraConfig</c>).</summary>
public sealed record LoraOptions
{
    /// <summary>Rank: the inner dimension of the two factors of an update.</summary>
    /// <value>16. On all linear layers, 16 learns what 64 does (QLoRA, appendix A), at a quarter of the size.</value>
    [Option("lora_r", "r", "rank", "lora_rank", "peft_lora_r", Minimum = 1, Maximum = 4096)]
    public int Rank { get; init; } = 16;

    /// <summary>Numerator of the update's scale: alpha / r, or alpha / sqrt(r) with use_rslora.</summary>
    /// <value>32. Twice the rank, the usual choice: the learning rate then carries over between ranks.</value>
    [Option("lora_alpha", "alpha", "peft_lora_alpha", Above = 0)]
    public double Alpha { get; init; } = 32;

    /// <summary>Probability that an input of an adapter is dropped in training.</summary>
    /// <value>
    /// 0. None: a few epochs of a small adapter overfit little, and no mask is fastest. 0.05 to 0.1 helps tiny sets.
    /// </value>
    [Option("lora_dropout", Minimum = 0, Below = 1)]
    public double Dropout { get; init; }

    /// <summary>Modules to adapt: names, a regular expression matched against whole names, or all-linear.</summary>
    /// <value>
    /// all-linear. All linear layers: QLoRA found that this, not the rank, is what reaches full fine-tuning.
    /// </value>
    [Option("lora_target_modules", "target_modules", "lora_target", Placeholder = "NAMES|REGEX")]
    public TargetModules TargetModules { get; init; } = TargetModules.AllLinear;

    /// <summary>Modules to leave out again: names or a regular expression.</summary>
    /// <value>Not set: none is left out.</value>
    [Option("exclude_modules", Placeholder = "NAMES|REGEX")]
    public TargetModules? ExcludeModules { get; init; }

    /// <summary>Indices of the layers to adapt.</summary>
    /// <value>Not set: all layers.</value>
    [Option("layers_to_transform", Minimum = 0, Placeholder = "N,N")]
    public IReadOnlyList<int>? LayersToTransform { get; init; }

    /// <summary>Name of the list of layers in module names, such as layers; used with layers_to_transform.</summary>
    /// <value>Not set: any list of layers.</value>
    [Option("layers_pattern", Placeholder = "NAMES")]
    public IReadOnlyList<string>? LayersPattern { get; init; }

    /// <summary>Other ranks for modules whose name matches: q_proj=8.</summary>
    /// <value>None: one rank everywhere.</value>
    [Option("rank_pattern", Minimum = 1, Maximum = 4096, Placeholder = "NAME=N")]
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    /// <summary>Other alphas for modules whose name matches: down_proj=32.</summary>
    /// <value>None: one alpha everywhere.</value>
    [Option("alpha_pattern", Above = 0, Placeholder = "NAME=X")]
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <summary>Which biases train along: none, all, or those of adapted layers.</summary>
    /// <value>None, so that the model without its adapter is the base model exactly.</value>
    [Option("bias")]
    public LoraBias Bias { get; init; } = LoraBias.None;

    /// <summary>Modules trained and saved whole, such as lm_head and embed_tokens.</summary>
    /// <value>None: only needed when tokens are added, and they make the adapter as large as the vocabulary.</value>
    [Option("modules_to_save", "lora_modules_to_save", "additional_target", Placeholder = "NAMES")]
    public IReadOnlyList<string> ModulesToSave { get; init; } = [];

    /// <summary>Scale by alpha / sqrt(r), which keeps high ranks learning (arXiv 2312.03732).</summary>
    /// <value>Off: at rank 16 it only means a scale four times as large. Turn it on from rank 64.</value>
    [Option("use_rslora")]
    public bool UseRsLora { get; init; }

    /// <summary>
    /// How the factors begin: true (A uniform, B zero), gaussian, orthogonal, pissa or pissa_niter_N, olora, or false
    /// (both random, for tests).
    /// </summary>
    /// <value>true. PEFT's default; the first forward pass equals the base model.</value>
    [Option("init_lora_weights")]
    public LoraInitialisation InitLoraWeights { get; init; } = LoraInitialisation.Default;

    /// <summary>Subspace iterations of a faster, approximate decomposition for pissa (pissa_niter_N in PEFT).</summary>
    /// <value>Not set: the exact decomposition, which takes minutes for a 7B model.</value>
    [Option("pissa_iter", Minimum = 1, Unset = "-1")]
    public int? PissaIterations { get; init; }

    /// <summary>Save an adapter of pissa or olora as plain LoRA of twice the rank and alpha.</summary>
    /// <value>
    /// Off, as in PEFT: the adapter is half as large, but loading it has to decompose the base again.
    /// </value>
    [Option("pissa_convert")]
    public bool PissaConvert { get; init; }

    /// <summary>Train direction and magnitude of each weight row apart (DoRA, arXiv 2402.09353).</summary>
    /// <value>Off: it helps at low ranks, and every step takes much longer.</value>
    [Option("use_dora")]
    public bool UseDora { get; init; }

    /// <summary>Give lora_B a bias, zero at first.</summary>
    /// <value>Off: few bases have the bias that it could be merged into.</value>
    [Option("lora_bias")]
    public bool FactorBias { get; init; }

    /// <summary>Whether the factors begin as a part of the weight, which the weight then gives up.</summary>
    internal bool SplitsOff => InitLoraWeights is LoraInitialisation.Pissa or LoraInitialisation.Olora;

    /// <summary>The rank of one module: that of <see cref="RankPattern"/>, else <see cref="Rank"/>.</summary>
    /// <param name="module">Its full name, such as <c>model.layers.0.self_attn.q_proj</c>.</param>
    public int RankOf(string module) => Lookup(RankPattern, module, Rank);

    /// <summary>
    /// s, the factor on B A of one module: alpha / rank, or alpha / sqrt(rank) with <see cref="UseRsLora"/>.
    /// </summary>
    /// <param name="module">Its full name.</param>
    public double ScaleOf(string module)
    {
        var rank = RankOf(module);
        var alpha = Lookup(AlphaPattern, module, Alpha);
        return UseRsLora ? alpha / Math.Sqrt(rank) : alpha / rank;
    }

    // PEFT matches pattern keys against the end of the module's name.
    private static T Lookup<T>(IReadOnlyDictionary<string, T> pattern, string module, T otherwise)
    {
        foreach (var (key, value) in pattern)
        {
            if (PythonExpression.Match($@"(.*\.)?({key})$", module).Success)
                return value;
        }

        return otherwise;
    }
}
