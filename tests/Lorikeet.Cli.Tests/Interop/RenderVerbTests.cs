using System.IO.Compression;
using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>Every conversation of the reference outputs through the verb, as a user runs it.</summary>
public sealed class RenderVerbTests
{
    // Llama 3.2 prints the date; this is the day the references were made.
    private const string Day = "2026-11-23";

    [Fact]
    public void Render_EveryTemplateAndConversation_EqualsTransformers()
    {
        using var folder = new TemporaryFolder();
        var templates = JsonNode.Parse(
            File.ReadAllText(TestAssets.Golden("chat_templates", "chat_templates.json")))!.AsObject();
        var cases = Read().ToLookup(row => (string)row["template"]!);
        foreach (var (name, source) in templates)
        {
            File.WriteAllText(folder["template.jinja"], (string)source!);
            var results = Render(folder, cases[name], "--template", folder["template.jinja"], "--date", Day);
            Assert.All(cases[name].Zip(results), pair =>
            {
                Assert.Equal((string?)pair.First["rendered"], (string?)pair.Second["text"]);
                Assert.Equal((string?)pair.First["error"], (string?)pair.Second["error"]);
                Assert.Equal(pair.First["rendered"] is not null, pair.Second.AsObject().ContainsKey("assistant_spans"));
            });
        }

        Compatibility.RecordEqual(
            "Chat templates", $"{templates.Count} templates: text, or the error", "transformers 5.17.0, jinja2",
            $"{cases.Sum(rows => rows.Count())} conversations");
    }

    [Fact]
    public void Render_Spans_AreCodePointsOfWhatTheAssistantProduces()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(
            folder["template.jinja"],
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}");
        var row = JsonNode.Parse("""
            {"messages": [{"role": "user", "content": "🐦?"}, {"role": "assistant", "content": "🦜!"}], "variables": {"eos_token": "</s>"}}
            """)!;
        var result = Render(folder, [row], "--template", folder["template.jinja"]).Single();
        Assert.Equal("<user>🐦?</s><assistant>🦜!</s>", (string?)result["text"]);
        Assert.Equal("[[23,29]]", result["assistant_spans"]!.ToJsonString());
    }

    [Fact]
    public void Render_OfAnAdapterOrMergedModel_UsesTheFormatItWasTrainedWith()
    {
        using var folder = new TemporaryFolder();
        var tokenizer = Path.Combine(TestAssets.Root, "assets", "nano-base", "tokenizer.json");
        File.Copy(tokenizer, folder["tokenizer.json"]);
        PromptFormats.Create("guanaco", null).Save(folder.Path);
        var row = JsonNode.Parse(
            """{"messages": [{"role": "user", "content": "Hi"}], "add_generation_prompt": true}""")!;
        Assert.Equal(
            "### Human: Hi ### Assistant:", (string?)Render(folder, [row], "--model", folder.Path).Single()["text"]);
    }

    [Fact]
    public void Render_ModelsOwnTemplate_KnowsItsTokens()
    {
        using var folder = new TemporaryFolder();
        File.Copy(Path.Combine(TestAssets.Root, "assets", "nano-base", "tokenizer.json"), folder["tokenizer.json"]);
        File.WriteAllText(folder["tokenizer_config.json"], """
            {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": "<pad>",
             "chat_template": "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}{{ pad_token }}"}
            """);
        var row = JsonNode.Parse(
            """{"messages": [{"role": "user", "content": "Hi"}], "add_generation_prompt": true}""")!;
        Assert.Equal("<s>Hi</s><pad>", (string?)Render(folder, [row], "--model", folder.Path).Single()["text"]);
        row["variables"] = new JsonObject { ["eos_token"] = "<end>" };
        Assert.Equal("<s>Hi<end><pad>", (string?)Render(folder, [row], "--model", folder.Path).Single()["text"]);
    }

    [Theory]
    [InlineData("No template is named", "--input", "rows.jsonl")]
    [InlineData("Nothing is rendered", "--template", "guanaco")]
    [InlineData("there is no such file", "--template", "none.jinja", "--input", "rows.jsonl")]
    [InlineData("--date is 'today'", "--template", "guanaco", "--input", "rows.jsonl", "--date", "today")]
    public void Render_WrongArguments_AreNamed(string expected, params string[] arguments)
    {
        var result = Cli.Run(["render", .. arguments]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(expected, result.Error);
    }

    private static JsonNode[] Render(TemporaryFolder folder, IEnumerable<JsonNode> rows, params string[] arguments)
    {
        File.WriteAllLines(folder["rows.jsonl"], rows.Select(row => row.ToJsonString()));
        var result = Cli.Run(
            ["render", "--input", folder["rows.jsonl"], "--output", folder["out.jsonl"], .. arguments]);
        Assert.Equal((0, "", ""), (result.ExitCode, result.Output, result.Error));
        var lines = File.ReadAllLines(folder["out.jsonl"]);
        File.Delete(folder["out.jsonl"]); // in a model's folder it would be one of the model's files the next time
        return [.. lines.Select(line => JsonNode.Parse(line)!)];
    }

    private static IEnumerable<JsonNode> Read()
    {
        using var file = File.OpenRead(TestAssets.Golden("chat_templates", "chat_template_cases.jsonl.gz"));
        using var lines = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        while (lines.ReadLine() is { } line)
            yield return JsonNode.Parse(line)!;
    }
}
