using Lorikeet.Formats.Options;
using Lorikeet.Models.Generation;

namespace Lorikeet.Training;

/// <summary>Training from rewards (method grpo): answers that are drawn, and what they are worth.</summary>
/// <remarks>Names are those of TRL's GRPOConfig.</remarks>
public sealed record RewardOptions
{
    /// <summary>
    /// What answers are rewarded for: exact_match, f1, rougeL, regex:PATTERN, json_schema:FILE, length:N,
    /// command:PROGRAM; several are added up.
    /// </summary>
    /// <value>None: the rewards that a program gives, else exact_match.</value>
    [Option("reward_funcs", "reward_func", Verbatim = true, Placeholder = "NAME")]
    public IReadOnlyList<string> RewardNames { get; init; } = [];

    /// <summary>The weight of each reward in the sum, in their order.</summary>
    /// <value>None: 1 each.</value>
    [Option("reward_weights", Placeholder = "X")]
    public IReadOnlyList<double> RewardWeights { get; init; } = [];

    /// <summary>Answers that are drawn to a question, to be compared with each other.</summary>
    /// <value>8. As in TRL; fewer tell less about what is better than usual.</value>
    [Option("num_generations", Minimum = 2, Maximum = 1024)]
    public int Generations { get; init; } = 8;

    /// <summary>Optimizer steps that are taken on the same answers.</summary>
    /// <value>1. As in TRL: every step learns from answers of the model as it is.</value>
    [Option("num_iterations", Minimum = 1, Maximum = 1024)]
    public int Iterations { get; init; } = 1;

    /// <summary>Most tokens of an answer; what is longer is cut.</summary>
    /// <value>256. As in TRL.</value>
    [Option("max_completion_length", Minimum = 1, Maximum = 1 << 20)]
    public int MaxCompletionLength { get; init; } = 256;

    /// <summary>Divides the logits when answers are drawn, and when they are learned from.</summary>
    /// <value>1: the model's own probabilities.</value>
    [Option("temperature", Minimum = GenerationOptions.LeastFactor, Maximum = GenerationOptions.MostFactor)]
    public double Temperature { get; init; } = 1;

    /// <summary>Draw among the fewest tokens whose probabilities reach this sum.</summary>
    /// <value>1: all.</value>
    [Option("top_p", Above = 0, Maximum = 1)]
    public double TopP { get; init; } = 1;

    /// <summary>Draw among the k most likely tokens only; 0 means all.</summary>
    /// <value>0: all, as in TRL: what is left out cannot be learned from.</value>
    [Option("top_k", Minimum = 0)]
    public int TopK { get; init; }

    /// <summary>Draw among tokens at least this share as likely as the likeliest.</summary>
    /// <value>0: all.</value>
    [Option("min_p", Minimum = 0, Maximum = 1)]
    public double MinP { get; init; }

    /// <summary>Makes tokens already in prompt or answer less likely when above 1.</summary>
    /// <value>1: off.</value>
    [Option("repetition_penalty", Above = 0)]
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>
    /// How far the probability of a token may fall, or rise where epsilon_high is not set, before its gradient is cut.
    /// </summary>
    /// <value>0.2. As in TRL.</value>
    [Option("epsilon", Minimum = 0)]
    public double Epsilon { get; init; } = 0.2;

    /// <summary>How far the probability of a token may rise; 0.28 in DAPO.</summary>
    /// <value>Not set: as epsilon.</value>
    [Option("epsilon_high", Minimum = 0)]
    public double? EpsilonHigh { get; init; }

    /// <summary>What an answer's distance from the mean of its group is divided by.</summary>
    /// <value>group: the standard deviation of the group's rewards.</value>
    [Option("scale_rewards")]
    public RewardScaling ScaleRewards { get; init; } = RewardScaling.Group;

    /// <summary>Learn nothing from answers that were cut at max_completion_length.</summary>
    /// <value>Off, as in TRL: their reward says that they are too long.</value>
    [Option("mask_truncated_completions")]
    public bool MaskTruncated { get; init; }

    /// <summary>
    /// File of answers with their rewards, to be learned from in its order instead of drawing any: prompt_ids,
    /// completions and rewards.
    /// </summary>
    /// <value>Not set: answers are drawn.</value>
    [Option("rollouts", Placeholder = "FILE", Input = "the rollouts")]
    public string? Rollouts { get; init; }
}

/// <summary>What rewards are divided by, once the mean of their group is taken off.</summary>
public enum RewardScaling
{
    /// <summary>The standard deviation within the group (arXiv 2402.03300).</summary>
    [WireName("group", "true")] Group,

    /// <summary>The standard deviation of all rewards of the step (arXiv 2508.08221).</summary>
    Batch,

    /// <summary>Nothing, so that easy and hard questions do not count more than others (arXiv 2503.20783).</summary>
    [WireName("none", "false")] None,
}
