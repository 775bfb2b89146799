using System.Text.Json;
using System.Text.Json.Serialization;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Evaluation;
using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>Puts the questions of a run to its model; several ranks share them.</summary>
/// <param name="run">The run.</param>
/// <param name="observer">Receives how far the answers are.</param>
/// <param name="beforePass">Called between two batches of answers, when nothing of the model is in use.</param>
/// <param name="maxNewTokens">Longest answer.</param>
internal sealed class RankedAnswers(PreparedRun run, ITrainingObserver observer, Action beforePass, int maxNewTokens)
{
    /// <summary>The answers in the order of the questions, the same on every rank.</summary>
    /// <param name="model">The model as it is now.</param>
    /// <param name="prompts">The questions as token ids.</param>
    /// <param name="cancellation">Ends the answers where they are.</param>
    public IReadOnlyList<string> Ask(
        DecoderModel model, IReadOnlyList<int[]> prompts, CancellationToken cancellation = default)
    {
        var asking = new QuestionAnswering(model, run.Tokenizer!, run.Data.Format, maxNewTokens);
        // Ranks that bring the layers together have to make the same steps, to the last.
        var ranks = model.IsSharded ? Communicator.Alone : run.Ranks;
        if (model.IsSharded)
            cancellation = CancellationToken.None;
        int[][] own = [.. prompts.Where((_, i) => i % ranks.Size == ranks.Rank)];
        var answers = asking.Answer(own, Progress, cancellation);
        if (ranks.Size == 1)
            return answers;
        var all = ranks.Gather(JsonSerializer.Serialize(answers, AnswersJson.Default.IReadOnlyListString))
            .Select(part => JsonSerializer.Deserialize(part, AnswersJson.Default.IReadOnlyListString)!).ToArray();
        return [.. prompts.Select((_, i) => all[i % ranks.Size][i / ranks.Size])];

        void Progress(int done)
        {
            observer.Observe(new StageProgressed(Math.Min(done * ranks.Size, prompts.Count), prompts.Count));
            beforePass();
        }
    }
}

/// <summary>Answers as ranks tell them each other.</summary>
[JsonSerializable(typeof(IReadOnlyList<string>))]
internal sealed partial class AnswersJson : JsonSerializerContext;
