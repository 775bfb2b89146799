using Lorikeet.Formats.Options;
using Lorikeet.Models.Decoder;
using Lorikeet.Training;

namespace Lorikeet.Configuration;

/// <summary>Whether the options of a training from rewards fit each other and the rest.</summary>
internal static class RewardCheck
{
    private static readonly string[] s_ofDrawing =
        ["reward_funcs", "reward_weights", "num_generations", "top_p", "top_k", "min_p", "repetition_penalty"];

    private static readonly string[] s_all =
    [
        .. s_ofDrawing, "num_iterations", "max_completion_length", "temperature", "epsilon", "epsilon_high",
        "scale_rewards", "mask_truncated_completions", "rollouts",
    ];

    /// <summary>What must be fixed.</summary>
    /// <param name="options">All options.</param>
    /// <param name="speak">How the user named an option.</param>
    public static IEnumerable<string> Problems(TrainingOptions options, Func<string, string> speak)
    {
        var (objective, rewards) = (options.Objective, options.Rewards);
        if (!options.LearnsFromRewards)
        {
            if (rewards.Rollouts is not null)
                yield return $"{speak("rollouts")} is given, and method is {WireNames.Of(objective.Method)}. Answers "
                    + "with rewards are learned from by method grpo.";
            yield break;
        }

        if (rewards.Rollouts is not null && options.Data.Datasets.Count > 0)
            yield return $"{speak("rollouts")} and {speak("dataset")} are both given. Answers are those of a file, or "
                + "drawn to the questions of a dataset: expected one of them.";
        if (objective.Beta > 0 && options.Model.Method == FineTuneMethod.Full)
            yield return $"{speak("beta")} holds the model to its base, which is the model with its adapter off, and "
                + "finetuning_type is full. Train an adapter, or set beta to 0.";
        if (options.Data.Packing)
            yield return $"{speak("packing")} puts rows together before they are learned, and answers are drawn. Leave "
                + "it out.";
    }

    /// <summary>Options that do nothing, and why.</summary>
    /// <param name="options">All options.</param>
    public static IEnumerable<(string Why, string[] Names)> Idle(TrainingOptions options)
    {
        if (!options.LearnsFromRewards)
            yield return ("has no effect: method is not grpo.", s_all);
        else if (options.Rewards.Rollouts is not null)
            yield return ("has no effect: answers are those of rollouts.", s_ofDrawing);
        if (options.LearnsFromRewards)
            yield return (
                "has no effect: answers of grpo are weighed as loss_type says.", ["loss_denominator"]);
    }
}
