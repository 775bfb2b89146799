using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Documents.Questions;

/// <summary>Reads rows from what a writer answered: JSON, perhaps between words or marks of code.</summary>
internal static class AnswerText
{
    private static readonly JsonDocumentOptions s_lenient =
        new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = 32 };

    /// <summary>The rows of an answer.</summary>
    /// <param name="answer">The text of the answer.</param>
    /// <param name="fault">What is wrong with it, for the writer to read; null where it is of the form.</param>
    public static IReadOnlyList<ProposedRow> Read(string answer, out string? fault)
    {
        var (begin, end) = (answer.IndexOfAny(['{', '[']), answer.LastIndexOfAny(['}', ']']));
        if (begin < 0 || end < begin)
        {
            fault = "There is no JSON in it.";
            return [];
        }

        try
        {
            var root = JsonNode.Parse(answer[begin..(end + 1)], documentOptions: s_lenient);
            var rows = root as JsonArray ?? (root as JsonObject)?["rows"] as JsonArray;
            if (rows is null || rows.Any(row => row is not JsonObject))
            {
                fault = "It has no list 'rows' of objects.";
                return [];
            }

            fault = null;
            return [.. rows.Select(row => new ProposedRow(
                Text(row!, "quote"), Text(row!, "question"), Text(row!, "answer")))];
        }
        // A name that stands twice is an ArgumentException.
        catch (Exception broken) when (broken is JsonException or ArgumentException)
        {
            fault = $"It is no JSON: {broken.Message}";
            return [];
        }
    }

    private static string Text(JsonNode row, string name) => row[name] switch
    {
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        JsonValue value => value.ToString(),
        _ => "",
    };
}
