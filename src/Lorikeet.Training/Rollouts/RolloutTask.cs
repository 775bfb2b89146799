using System.IO.Hashing;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Rewards;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Training.Rollouts;

/// <summary>
/// Where the answers of a training from rewards come from: questions to be asked, or a file of answers.
/// </summary>
public sealed class RolloutTask
{
    private RolloutTask(IReadOnlyList<TrainingRow> rows) => Rows = rows;

    /// <summary>
    /// The rows that this comes to before anything is drawn: the answers of a file, or the questions alone.
    /// </summary>
    public IReadOnlyList<TrainingRow> Rows { get; }

    /// <summary>Answers of a group of a file; 0 where questions are asked.</summary>
    public int GroupSize => Groups.Count > 0 ? Groups[0].Rollouts.Count : 0;

    /// <summary>The questions; empty where answers are those of a file.</summary>
    internal IReadOnlyList<Question> Questions { get; private init; } = [];

    /// <summary>The groups of a file; empty where questions are asked.</summary>
    internal IReadOnlyList<RolloutGroup> Groups { get; private init; } = [];

    /// <summary>What answers are worth; null where a file says it.</summary>
    internal RewardSum? Rewards { get; private init; }

    /// <summary>The model's tokenizer; null where answers are those of a file.</summary>
    internal Tokenizer? Tokenizer { get; private init; }

    /// <summary>How questions are written; null where answers are those of a file.</summary>
    internal PromptFormat? Format { get; private init; }

    /// <summary>Questions to be asked.</summary>
    /// <param name="questions">The questions with their known answers.</param>
    /// <param name="rewards">What answers are worth.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="format">How questions are written.</param>
    /// <exception cref="DatasetException">
    /// There is no question, or a reward compares with known answers and a question has none.
    /// </exception>
    /// <exception cref="ConfigurationException">The tokenizer has no token that ends an answer.</exception>
    public static RolloutTask Ask(
        IReadOnlyList<Question> questions, RewardSum rewards, Tokenizer tokenizer, PromptFormat format)
    {
        if (questions.Count == 0)
            throw new DatasetException(
                "The training data has no question, so that nothing can be asked. Rows with a question were expected, "
                + "such as {\"question\": ..., \"answer\": ...}.");
        var silent = questions.Where(question => question.Answers.All(string.IsNullOrWhiteSpace)).ToList();
        if (rewards.Comparing is { } reward && silent.Count > 0)
            throw new DatasetException(
                $"{silent.Count:N0} of {questions.Count:N0} questions have no answer (first: {silent[0].Origin}), and "
                + $"the reward '{reward.Name}' compares with one. Add the answers, leave the rows out, or choose "
                + "rewards that need none, such as regex or length.");
        if (tokenizer.EndToken is null && format.StopStrings.Count == 0)
            throw new ConfigurationException(
                "The tokenizer has no end token (eos_token) and the prompt format no stop string, so that every answer "
                + "would be cut at 'max_completion_length'. Add eos_token to tokenizer_config.json.");
        return new RolloutTask([.. questions.Select(Asked)])
        {
            Questions = questions,
            Rewards = rewards,
            Tokenizer = tokenizer,
            Format = format,
        };
    }

    /// <summary>Answers that were drawn and rewarded elsewhere.</summary>
    /// <param name="path">
    /// The file: groups with <c>prompt_ids</c>, <c>completions</c> and <c>rewards</c>, as a JSON array or one a line.
    /// </param>
    /// <exception cref="LorikeetException">It cannot be read, or is of another form.</exception>
    public static RolloutTask FromFile(string path)
    {
        var groups = RolloutFile.Read(path);
        return new RolloutTask([.. RolloutFile.Rows(groups)]) { Groups = groups };
    }

    /// <summary>Which questions, or groups of a file, a step takes.</summary>
    /// <param name="options">The run's options.</param>
    /// <exception cref="ConfigurationException">A step does not hold whole groups.</exception>
    public BatchPlan PlanOf(TrainingOptions options)
    {
        var (training, ofGroup) = (
            options.Optimization, Groups.Count > 0 ? GroupSize : options.Rewards.Generations);
        var answers = training.BatchSize * training.GradientAccumulation;
        if (answers % ofGroup != 0)
            throw new ConfigurationException(
                $"A step has {answers} answers ('per_device_train_batch_size' {training.BatchSize} times "
                + $"'gradient_accumulation_steps' {training.GradientAccumulation}), and a question has {ofGroup} "
                + "('num_generations'). A multiple was expected, so that every step has whole groups.");
        return new BatchPlan(
            [.. Groups.Count > 0
                ? Groups.Select(group => group.PromptIds.Length)
                : Questions.Select(question => question.PromptIds.Length)],
            new BatchPlanOptions
            {
                BatchSize = answers / ofGroup,
                Repeats = options.Rewards.Iterations,
                Seed = (ulong)training.Seed,
                Shuffle = options.Data.Shuffle && Groups.Count == 0, // a file is read in its order
            });
    }

    /// <summary>Adds all that answers are rewarded by to a hash of the rows.</summary>
    internal void AppendTo(XxHash128 hash)
    {
        foreach (var answer in Questions.SelectMany(question => question.Answers))
            hash.Append(System.Text.Encoding.UTF8.GetBytes(answer + "\n"));
        foreach (var rollout in Groups.SelectMany(group => group.Rollouts))
            hash.Append(BitConverter.GetBytes(rollout.Reward));
    }

    private static TrainingRow Asked(Question question) =>
        new(question.PromptIds, [.. Enumerable.Repeat(TrainingRow.Ignored, question.PromptIds.Length)]);
}
