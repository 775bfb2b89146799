using System.IO.Compression;
using System.Text.Json.Nodes;
using Lorikeet.Testing;
using Lorikeet.Text.ChatTemplates;

namespace Lorikeet.Text.Tests.ChatTemplates;

/// <summary>Real templates against what transformers rendered with them.</summary>
public class ReferenceRenderingTests
{
    private static readonly JsonObject Templates =
        JsonNode.Parse(File.ReadAllText(TestAssets.Golden("chat_templates", "chat_templates.json")))!.AsObject();

    // Llama 3.2 prints the date; this is the day the references were made.
    private static readonly FixedClock Day = new(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero));

    public static TheoryData<string> TemplateNames => [.. Templates.Select(pair => pair.Key)];

    [Theory]
    [MemberData(nameof(TemplateNames))]
    public void Render_EqualsTransformers_ForEveryConversation(string name)
    {
        var template = ChatTemplate.Parse(Templates[name]!.GetValue<string>()).WithClock(Day);
        var cases = ReadCases().Where(row => row["template"]!.GetValue<string>() == name).ToList();

        Assert.NotEmpty(cases);
        Assert.All(cases, row => Assert.Equal(Expected(row), Render(template, row)));
    }

    [Theory]
    [MemberData(nameof(TemplateNames))]
    public void Spans_HoldEveryAnswerInOrder_OrAreRefused(string name)
    {
        var template = ChatTemplate.Parse(Templates[name]!.GetValue<string>()).WithClock(Day);
        var rows = ReadCases().Where(row => row["template"]!.GetValue<string>() == name && row["rendered"] is not null);

        Assert.All(rows, row =>
        {
            var rendered = RenderChat(template, row);
            // Tools move an assistant's first message into the user's turn in Llama 3.
            var isMoved = name.Contains("Llama-3.") && (string)row["conversation"]! == "wrong_order";
            if (isMoved && row["tools"] is not null)
            {
                Assert.Throws<DatasetException>(() => rendered.AssistantSpans);
                return;
            }
            var answers = row["messages"]!.AsArray()
                .Where(message => (string)message!["role"]! == "assistant" && (string)message["content"]! != "")
                .Select(message => ((string)message!["content"]!).Trim());
            var spans = rendered.AssistantSpans.Select(span => rendered.Text[span.Start..span.End]).ToList();
            foreach (var answer in answers)
            {
                var at = spans.FindIndex(span => span.Trim().StartsWith(answer, StringComparison.Ordinal));
                Assert.True(at >= 0, $"'{answer}' is in no span of {rendered.Text}");
                spans.RemoveRange(0, at + 1);
            }
        });
    }

    private static string Expected(JsonNode row) =>
        row["rendered"]?.GetValue<string>() ?? "error " + row["error"]!.GetValue<string>();

    private static string Render(ChatTemplate template, JsonNode row)
    {
        try
        {
            return RenderChat(template, row).Text;
        }
        catch (ChatTemplateException refusal)
        {
            return "error " + refusal.Error;
        }
    }

    private static RenderedChat RenderChat(ChatTemplate template, JsonNode row) => template.Render(
        row["messages"]!.AsArray(),
        row["add_generation_prompt"]!.GetValue<bool>(),
        row["tools"]?.AsArray(),
        row["variables"]!.AsObject());

    private static IEnumerable<JsonNode> ReadCases()
    {
        using var file = File.OpenRead(TestAssets.Golden("chat_templates", "chat_template_cases.jsonl.gz"));
        using var lines = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        while (lines.ReadLine() is { } line)
            yield return JsonNode.Parse(line)!;
    }
}
