using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Documents.Passages;
using Lorikeet.Formats.Json;
using Microsoft.Extensions.AI;

namespace Lorikeet.Documents.Questions;

/// <summary>What a writer is asked about a passage, and in which form it is to answer.</summary>
/// <param name="options">How.</param>
internal sealed class QuestionPrompt(QuestionWriterOptions options)
{
    /// <summary>Changes when the same passage would be asked about otherwise.</summary>
    private const int Version = 1;

    private const int LongestQuestion = 200;

    /// <summary>Everything besides the passage that an answer depends on, for the journal.</summary>
    public string Fingerprint { get; } = string.Join('\n',
        Version, options.PerPassage, options.Instructions, options.Form, options.Guided, options.Chat?.ModelId,
        options.Chat?.Temperature, options.Chat?.Seed);

    /// <summary>The conversation that asks about a passage.</summary>
    public List<ChatMessage> Messages(Passage passage) =>
    [
        new(ChatRole.System, System()),
        new(ChatRole.User, User(passage)),
    ];

    /// <summary>What goes with it.</summary>
    public ChatOptions Options(Passage passage)
    {
        var chat = options.Chat?.Clone() ?? new ChatOptions();
        chat.ResponseFormat = options.Form switch
        {
            AnswerForm.JsonSchema => ChatResponseFormat.ForJsonSchema(Schema(passage), "rows"),
            AnswerForm.JsonObject => ChatResponseFormat.Json,
            _ => null,
        };
        return chat;
    }

    private string System()
    {
        var text =
            $"You write up to {options.PerPassage} questions about a passage, each with its answer, in the passage's "
            + "own language. For each, first copy a quote from the passage, letter by letter, that proves the answer. "
            + "A question is understood without the passage: it names what it asks about. An answer is short and says "
            + "nothing beyond the passage. Write no question twice. Answer in JSON alone: "
            + """{"rows": [{"quote": "...", "question": "...", "answer": "..."}]}""";
        return options.Instructions.Length > 0 ? $"{text}\n{options.Instructions}" : text;
    }

    private static string User(Passage passage) => passage.Headings.Count == 0
        ? passage.Text
        : $"{string.Join(" > ", passage.Headings)}\n\n{passage.Text}";

    private JsonElement Schema(Passage passage)
    {
        var quote = new JsonObject { ["type"] = "string" };
        if (options.Guided)
        {
            quote["enum"] = new JsonArray([.. passage.Sentences.Select(
                slice => JsonValue.Create(slice.Of(passage.Text))).DistinctBy(value => value.GetValue<string>())]);
        }

        var schema = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                ["rows"] = new JsonObject
                {
                    ["type"] = "array",
                    ["maxItems"] = options.PerPassage,
                    ["items"] = new JsonObject
                    {
                        ["type"] = "object",
                        ["properties"] = new JsonObject
                        {
                            ["quote"] = quote,
                            ["question"] = Text(LongestQuestion),
                            ["answer"] = Text(LongestQuestion),
                        },
                        ["required"] = new JsonArray("quote", "question", "answer"),
                        ["additionalProperties"] = false,
                    },
                },
            },
            ["required"] = new JsonArray("rows"),
            ["additionalProperties"] = false,
        };
        if (options.Guided)
            schema["properties"]!["rows"]!["minItems"] = 1;
        return JsonSerializer.SerializeToElement(schema, JsonFormats.Line);
    }

    private JsonObject Text(int longest)
    {
        var text = new JsonObject { ["type"] = "string" };
        if (options.Guided)
            (text["minLength"], text["maxLength"]) = (1, longest);
        return text;
    }
}
