using System.Diagnostics;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Prompts;
using Lorikeet.Formats;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Rewards;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Training.Rollouts;

/// <summary>
/// Draws answers from the model as it is, with the weights that are trained, and has them rewarded.
/// </summary>
/// <param name="model">The model, with the adapter in training active.</param>
/// <param name="tokenizer">Its tokenizer, whose end token ends answers.</param>
/// <param name="format">How questions are written; its stop strings end answers too.</param>
/// <param name="rewards">What answers are worth.</param>
/// <param name="options">How many are drawn, and how.</param>
/// <param name="seed">Of everything random.</param>
internal sealed class RolloutSampler(
    DecoderModel model, Tokenizer tokenizer, PromptFormat format, RewardSum rewards, RewardOptions options, ulong seed)
{
    /// <summary>What scores the answers.</summary>
    public RewardSum Rewards => rewards;

    /// <summary>Seconds that drawing and scoring took since the start.</summary>
    public (double Drawing, double Scoring) Seconds { get; private set; }

    /// <summary>Draws the answers of a round.</summary>
    /// <param name="questions">What is asked.</param>
    /// <param name="round">Rounds before this one: with the seed, it names the random numbers.</param>
    /// <exception cref="LorikeetException">A reward failed, or none has anything to say of any answer.</exception>
    public IReadOnlyList<RolloutGroup> Draw(IReadOnlyList<Question> questions, int round)
    {
        var clock = Stopwatch.StartNew();
        var key = CounterRandom.Hash(seed, RandomPurpose.Sampling, (ulong)round);
        var prompts = questions.SelectMany(question => Enumerable.Repeat(question.PromptIds, options.Generations));
        var drawn = new TextGenerator(model, tokenizer).Generate([.. prompts], Generation with
        {
            Seed = (long)(key >> 1),
        }).Continuations;
        var drawing = clock.Elapsed.TotalSeconds;

        Completion[] answers = [.. drawn.Select((answer, i) => new Completion
        {
            Question = questions[i / options.Generations].Text,
            Text = answer.Text!.Trim(),
            Answers = questions[i / options.Generations].Answers,
            Ids = answer.OutputIds,
            IsTruncated = answer.Finish == FinishReason.Length,
        })];
        var scores = rewards.Score(answers);
        Require(scores);
        var rollouts = answers.Zip(scores, (answer, own) => new Rollout([.. answer.Ids], rewards.Total(own))
        {
            Scores = own,
            IsTruncated = answer.IsTruncated,
            Text = answer.Text,
        }).ToArray();
        Seconds = (Seconds.Drawing + drawing, Seconds.Scoring + clock.Elapsed.TotalSeconds - drawing);
        return
        [
            .. questions.Zip(
                rollouts.Chunk(options.Generations), (question, own) => new RolloutGroup(question.PromptIds, own)),
        ];
    }

    private GenerationOptions Generation { get; } = new()
    {
        Sample = true,
        MaxNewTokens = options.MaxCompletionLength,
        Temperature = options.Temperature,
        TopP = options.TopP,
        TopK = options.TopK,
        MinP = options.MinP,
        RepetitionPenalty = options.RepetitionPenalty,
        EndTokens = tokenizer.EndToken is { } end ? [end] : [],
        StopStrings = format.StopStrings,
    };

    private void Require(IReadOnlyList<double[]> scores)
    {
        if (scores.Any(own => own.Any(score => !double.IsNaN(score))))
            return;
        throw new LorikeetException(
            $"No reward ({string.Join(", ", rewards.Rewards.Select(reward => reward.Name))}) has anything to say of "
            + $"any of {scores.Count} answers: all are NaN. A number for some was expected. Correct the rewards.");
    }
}
