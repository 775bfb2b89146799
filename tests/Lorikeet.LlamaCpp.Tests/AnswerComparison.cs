using Lorikeet.Data.Prompts;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Native;
using Lorikeet.Text.Tokenization;
using static TorchSharp.torch;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>The same questions answered here and in llama.cpp, greedily.</summary>
/// <param name="Questions">How many were asked.</param>
/// <param name="PromptsApart">Prompts whose tokens are others there.</param>
/// <param name="Here">Answered exactly here.</param>
/// <param name="There">Answered exactly there.</param>
/// <param name="Gaps">
/// Of every answer whose tokens are others there, what the logits here differ by where the answers part: our choice
/// less llama.cpp's.
/// </param>
internal sealed record AnswerComparison(int Questions, int PromptsApart, int Here, int There, IReadOnlyList<float> Gaps)
{
    private const int NewTokens = 24;

    public static AnswerComparison Run(
        DecoderModel model, Tokenizer tokenizer, PromptFormat format, LlamaCpp llama, HeldOutQuestion[] questions)
    {
        int[][] prompts = [.. questions.Select(question => question.Ids)];
        var options = new GenerationOptions { MaxNewTokens = NewTokens, EndTokens = [tokenizer.EndToken!.Value] };
        var here = new TextGenerator(model, tokenizer).Generate(prompts, options).Continuations;
        var there = llama.Continue(prompts, NewTokens);
        return new(
            questions.Length,
            questions.Count(question => !llama.Encode(question.Prompt).SequenceEqual(question.Ids)),
            Exact(here.Select(answer => answer.Text!)),
            Exact(there.Select(answer => llama.Decode(answer.Where(id => !llama.Ends(id))))),
            [.. here.Zip(there)
                .Where(pair => !pair.First.OutputIds.SequenceEqual(pair.Second))
                .Select(pair => Gap(model, [.. pair.First.PromptIds], pair.First.OutputIds, pair.Second))]);

        int Exact(IEnumerable<string> texts) => questions.Zip(texts).Count(pair => SquadMetrics.ExactMatch(
            pair.Second.Split([.. format.StopStrings], StringSplitOptions.None)[0].Trim(), [pair.First.Answer]));
    }

    private static float Gap(DecoderModel model, int[] prompt, IReadOnlyList<int> here, int[] there)
    {
        var same = here.Zip(there).TakeWhile(pair => pair.First == pair.Second).Count();
        int[] ids = [.. prompt, .. here.Take(same)];
        using var logits = model.Forward(ids, [0, ids.Length]);
        using var last = logits[-1].contiguous();
        var values = TensorMemory.Span<float>(last);
        return values[here[same]] - values[there[same]];
    }
}
