using Lorikeet.Data;
using Lorikeet.Formats.Options;

namespace Lorikeet.Training;

/// <summary>What is learned: answers as they are, which answers are better, or what is rewarded.</summary>
public sealed record ObjectiveOptions
{
    /// <summary>
    /// What is learned: sft, the answers; dpo and orpo, which of two answers is better; kto, which answers are wanted;
    /// grpo, from rewards of answers that the model draws.
    /// </summary>
    /// <value>sft. Every shape of data has answers.</value>
    [Option("method", "stage", "rl")]
    public TrainingMethod Method { get; init; } = TrainingMethod.Sft;

    /// <summary>
    /// Form of the loss: for dpo sigmoid, hinge, ipo, robust, apo_zero, apo_down, sft, or several that are added; for
    /// grpo dapo, grpo or dr_grpo.
    /// </summary>
    /// <value>None given: sigmoid for dpo, dapo for grpo; the other methods have one form each.</value>
    [Option("loss_type")]
    public IReadOnlyList<LossType> LossTypes { get; init; } = [];

    /// <summary>What each of several forms of loss_type counts.</summary>
    /// <value>None: 1 each.</value>
    [Option("loss_weights", Minimum = 0)]
    public IReadOnlyList<double> LossWeights { get; init; } = [];

    /// <summary>
    /// How closely the model is held to the base: the larger, the less it moves; in orpo the weight of the odds ratio.
    /// </summary>
    /// <value>Not set: 0.1, as TRL has it for dpo, orpo and kto; 0 for grpo, which then asks no base.</value>
    [Option("beta", Minimum = 0)]
    public double? Beta { get; init; }

    /// <summary>Share of pairs that are taken to be labelled the wrong way round, for loss_type robust.</summary>
    /// <value>0. None.</value>
    [Option("label_smoothing", Minimum = 0, Below = 0.5)]
    public double LabelSmoothing { get; init; }

    /// <summary>
    /// Compute what the base says of the answers once, before the first step, instead of again in every step.
    /// </summary>
    /// <value>Off: a run of one epoch meets each answer once anyway.</value>
    [Option("precompute_ref_log_probs")]
    public bool PrecomputeReference { get; init; }

    /// <summary>What a wanted answer counts in kto.</summary>
    /// <value>1. Both sides count alike.</value>
    [Option("desirable_weight", Minimum = 0)]
    public double DesirableWeight { get; init; } = 1;

    /// <summary>What an unwanted answer counts in kto.</summary>
    /// <value>1. Less where there are more of them than wanted ones.</value>
    [Option("undesirable_weight", Minimum = 0)]
    public double UndesirableWeight { get; init; } = 1;

    /// <summary>What the rows have to hold for it.</summary>
    public PreferenceUse Preferences => Method switch
    {
        TrainingMethod.Dpo or TrainingMethod.Orpo => PreferenceUse.Pairs,
        TrainingMethod.Kto => PreferenceUse.Labels,
        _ => PreferenceUse.None,
    };

    /// <summary>Whether it asks the base what it says of the answers.</summary>
    public bool NeedsReference => Method is TrainingMethod.Dpo or TrainingMethod.Kto;

    /// <summary>The forms of the loss, those that are not set filled in.</summary>
    internal IReadOnlyList<LossType> EffectiveLossTypes => LossTypes.Count > 0 ? LossTypes : Method switch
    {
        TrainingMethod.Dpo => [LossType.Sigmoid],
        _ => [],
    };

    /// <summary>
    /// Passes over each batch that only ask: the base about its answers and, for the divergence in kto, both about
    /// others.
    /// </summary>
    internal int ForwardPasses =>
        (NeedsReference && !PrecomputeReference ? 1 : 0) + (Method == TrainingMethod.Kto ? 2 : 0);

    /// <summary>β, filled in where it is not set.</summary>
    internal double EffectiveBeta => Beta ?? 0.1;
}

/// <summary>What a run learns.</summary>
public enum TrainingMethod
{
    /// <summary>Supervised fine-tuning: the answers of the data.</summary>
    Sft,

    /// <summary>Direct preference optimization (arXiv 2305.18290).</summary>
    Dpo,

    /// <summary>Odds ratio preference optimization (arXiv 2403.07691).</summary>
    Orpo,

    /// <summary>Kahneman-Tversky optimization (arXiv 2402.01306).</summary>
    Kto,

    /// <summary>Group relative policy optimization: answers that are drawn and rewarded (arXiv 2402.03300).</summary>
    Grpo,
}

/// <summary>Form of a loss of preferences, by TRL's names.</summary>
public enum LossType
{
    /// <summary>DPO's own: the logistic loss of the margin.</summary>
    Sigmoid,

    /// <summary>The hinge loss of the margin (SLiC, arXiv 2305.10425).</summary>
    Hinge,

    /// <summary>The margin of answers by their length is to be 1 / 2β (arXiv 2310.12036).</summary>
    Ipo,

    /// <summary>For pairs of which some are the wrong way round (arXiv 2403.00409).</summary>
    Robust,

    /// <summary>Chosen answers up, rejected ones down (arXiv 2408.06266).</summary>
    ApoZero,

    /// <summary>Both down, the rejected one further (arXiv 2408.06266).</summary>
    ApoDown,

    /// <summary>Cross-entropy of the chosen answer, beside another form.</summary>
    Sft,

    /// <summary>Cross-entropy, the loss of sft.</summary>
    [WireName("nll", "chunked_nll")] Nll,

    /// <summary>Of drawn answers, every one counts alike (arXiv 2402.03300).</summary>
    Grpo,

    /// <summary>Every token of drawn answers counts alike (arXiv 2503.14476).</summary>
    Dapo,

    /// <summary>The same, whatever the lengths of the others (arXiv 2503.20783).</summary>
    DrGrpo,
}
