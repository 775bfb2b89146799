using System.Text.Json.Nodes;
using Lorikeet.Models.Generation;

namespace Lorikeet.Cli.Inference;

/// <summary>One answer as a line of JSON.</summary>
internal static class AnswerLine
{
    /// <summary>
    /// <c>prompt</c> (the text the model read), <c>text</c>, <c>finish_reason</c>, <c>input_ids</c>, <c>output_ids</c>
    /// (the added tokens, an end token included), <c>adapter</c> where the row names one and, after a beam search,
    /// <c>score</c>.
    /// </summary>
    public static string Of(Prompt prompt, Continuation answer)
    {
        var line = new JsonObject
        {
            ["prompt"] = prompt.Text,
            ["text"] = answer.Text,
            ["finish_reason"] = Name(answer.Finish),
            ["input_ids"] = JsonText.Numbers(answer.PromptIds),
            ["output_ids"] = JsonText.Numbers(answer.OutputIds),
        };
        if (prompt.Adapter is { } adapter)
            line["adapter"] = adapter;
        if (answer.Score is { } score)
            line["score"] = score;
        return JsonText.Line(line);
    }

    /// <summary>The reason's name in JSON.</summary>
    public static string Name(FinishReason reason) => reason switch
    {
        FinishReason.EndToken => "eos",
        FinishReason.StopString => "stop_string",
        FinishReason.Length => "length",
        _ => "cancelled",
    };
}
