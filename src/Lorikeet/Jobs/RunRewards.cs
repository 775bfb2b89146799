using Lorikeet.Configuration;
using Lorikeet.Data.Datasets;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Rewards;
using Lorikeet.Text.Tokenization;
using Lorikeet.Training;
using Lorikeet.Training.Rollouts;

namespace Lorikeet.Jobs;

/// <summary>What a run from rewards learns from: the questions of its data, or the answers of a file.</summary>
internal static class RunRewards
{
    /// <summary>The options with what the file of answers says itself.</summary>
    public static ResolvedOptions Settle(ResolvedOptions resolved, RolloutTask? answers) => answers is null
        ? resolved
        : resolved.With(resolved.Options with
        {
            Rewards = resolved.Options.Rewards with { Generations = answers.GroupSize },
        });

    /// <summary>The questions of the data, checked against what rewards and model need.</summary>
    /// <param name="options">The run's options.</param>
    /// <param name="data">Its data.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="positions">max_position_embeddings of the model.</param>
    /// <param name="made">Rewards that were made in code.</param>
    /// <exception cref="LorikeetException">Something is missing, or answers have no room.</exception>
    public static RolloutTask Ask(
        TrainingOptions options, TrainingData data, Tokenizer? tokenizer, int positions, IReadOnlyList<Reward> made)
    {
        if (tokenizer is null)
            throw new ConfigurationException(
                "Answers are rewarded for their text, and the model has no tokenizer. Put tokenizer.json or "
                + "tokenizer.model beside the model, or give 'rollouts'.");
        var task = RolloutTask.Ask([.. data.TrainQuestions], Rewards(options.Rewards, made), tokenizer, data.Format);
        var longest = task.Rows.Max(row => row.Length);
        if (longest + options.Rewards.MaxCompletionLength > positions)
            throw new ConfigurationException(
                $"The longest question has {longest} tokens and an answer up to "
                + $"{options.Rewards.MaxCompletionLength} ('max_completion_length'); the model was made for "
                + $"{positions} positions. Lower 'max_completion_length', or leave long questions out ('max_length' "
                + $"with 'truncation_mode' {WireNames.Of(Data.TruncationMode.Drop)}).");
        return task;
    }

    /// <summary>Those that the options name, in their order, then the others that were made in code.</summary>
    private static RewardSum Rewards(RewardOptions options, IReadOnlyList<Reward> made)
    {
        IReadOnlyList<string> names =
            options.RewardNames.Count > 0 || made.Count > 0 ? options.RewardNames : ["exact_match"];
        var named = names.Select(name => made.FirstOrDefault(reward => reward.Name == name) ?? Reward.Parse(name));
        return new RewardSum([.. named, .. made.Where(reward => !names.Contains(reward.Name))], options.RewardWeights);
    }
}
