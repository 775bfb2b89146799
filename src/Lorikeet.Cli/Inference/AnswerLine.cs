using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Generation;

namespace Lorikeet.Cli.Inference;

/// <summary>One answer as a line of JSON.</summary>
internal static class AnswerLine
{
    private static readonly JsonSerializerOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// <c>prompt</c> (the text the model read), <c>text</c>, <c>finish_reason</c>, <c>input_ids</c>, <c>output_ids</c>
    /// (the added tokens, an end token included) and, after a beam search, <c>score</c>.
    /// </summary>
    public static string Of(Prompt prompt, Continuation answer)
    {
        var line = new JsonObject
        {
            ["prompt"] = prompt.Text,
            ["text"] = answer.Text,
            ["finish_reason"] = Name(answer.Finish),
            ["input_ids"] = Numbers(answer.PromptIds),
            ["output_ids"] = Numbers(answer.OutputIds),
        };
        if (answer.Score is { } score) line["score"] = score;
        return line.ToJsonString(s_json);
    }

    /// <summary>The reason's name at the border.</summary>
    public static string Name(FinishReason reason) => reason switch
    {
        FinishReason.EndToken => "eos",
        FinishReason.StopString => "stop_string",
        FinishReason.Length => "length",
        _ => "cancelled",
    };

    private static JsonArray Numbers(IEnumerable<int> ids) => new([.. ids.Select(id => (JsonNode)id)]);
}
