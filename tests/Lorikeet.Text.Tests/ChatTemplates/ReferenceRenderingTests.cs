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

    public static TheoryData<string> TemplateNames => [.. Templates.Select(pair => pair.Key)];

    [Theory]
    [MemberData(nameof(TemplateNames))]
    public void Render_EqualsTransformers_ForEveryConversation(string name)
    {
        var template = ChatTemplate.Parse(Templates[name]!.GetValue<string>());
        var cases = ReadCases().Where(row => row["template"]!.GetValue<string>() == name).ToList();

        Assert.NotEmpty(cases);
        Assert.All(cases, row => Assert.Equal(Expected(row), Render(template, row)));
    }

    private static string Expected(JsonNode row) =>
        row["rendered"]?.GetValue<string>() ?? "error " + row["error"]!.GetValue<string>();

    private static string Render(ChatTemplate template, JsonNode row)
    {
        try
        {
            return template.Render(
                row["messages"]!.AsArray(),
                row["add_generation_prompt"]!.GetValue<bool>(),
                row["tools"]?.AsArray(),
                row["variables"]!.AsObject()).Text;
        }
        catch (ChatTemplateException refusal)
        {
            return "error " + refusal.Error;
        }
    }

    private static IEnumerable<JsonNode> ReadCases()
    {
        using var file = File.OpenRead(TestAssets.Golden("chat_templates", "chat_template_cases.jsonl.gz"));
        using var lines = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        while (lines.ReadLine() is { } line)
            yield return JsonNode.Parse(line)!;
    }
}
