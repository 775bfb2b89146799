using Lorikeet.Data.Encoded;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Evaluation;

/// <summary>Puts questions to a model exactly as training put them, and takes the greedy answers.</summary>
/// <param name="model">The model, with whatever adapter is active.</param>
/// <param name="tokenizer">Its tokenizer, whose end token ends answers.</param>
/// <param name="format">How questions are written; its stop strings end answers too.</param>
/// <param name="maxNewTokens">Most tokens of an answer.</param>
public sealed class QuestionAnswering(DecoderModel model, Tokenizer tokenizer, PromptFormat format, int maxNewTokens)
{
    /// <summary>The answers in the order of the questions, trimmed.</summary>
    /// <param name="prompts">The questions as token ids.</param>
    /// <param name="progress">Receives now and then how many are answered.</param>
    /// <param name="cancellation">Ends the answers where they are.</param>
    public IReadOnlyList<string> Answer(
        IEnumerable<int[]> prompts, Action<int>? progress = null, CancellationToken cancellation = default)
    {
        var options = new GenerationOptions
        {
            MaxNewTokens = maxNewTokens,
            EndTokens = tokenizer.EndToken is { } end ? [end] : [],
            StopStrings = format.StopStrings,
        };
        var result = new TextGenerator(model, tokenizer) { Progress = progress }
            .Generate([.. prompts], options, cancellation);
        return [.. result.Continuations.Select(continuation => continuation.Text!.Trim())];
    }

    /// <summary>Share of questions answered exactly, by SQuAD's normalisation.</summary>
    /// <param name="questions">The questions with all accepted answers; at least one.</param>
    /// <param name="answers">What the model answered, in their order.</param>
    /// <returns>Between 0 and 1.</returns>
    public static double ExactMatch(IReadOnlyList<Question> questions, IReadOnlyList<string> answers) =>
        questions.Zip(answers)
            .Average(pair => SquadMetrics.ExactMatch(pair.Second, [.. pair.First.Answers]) ? 1.0 : 0.0);
}
