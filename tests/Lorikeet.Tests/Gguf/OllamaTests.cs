using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Lora;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Tests.Gguf;

/// <summary>A Modelfile asks as the model was trained to be asked.</summary>
public sealed class OllamaTests : IDisposable
{
    private static readonly string s_nano = Path.Combine(TestAssets.Root, "assets", "nano-base");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("guanaco")]
    [InlineData("alpaca")]
    [InlineData("squad")]
    [InlineData("llama-2")]
    [InlineData("chatml")]
    [InlineData("llama-3")]
    [InlineData("zephyr")]
    [InlineData("verbatim")]
    public void Template_RendersWhatTheFormatRenders(string name)
    {
        var tokenizer = Tokenizer.Load(s_nano);
        var format = PromptFormats.Create(name, tokenizer);
        var template = OllamaTemplate.Of(format, "<s>");
        Assert.True(template is { IsExact: true }, "The template is exact.");
        (string?, string, string?)[][] conversations =
        [
            [(null, "Who?", null)],
            [("Be brief.", "Who?", null)],
            [(null, "Who?", "I."), (null, "And?", "You."), (null, "Where?", null)],
            [("Be brief.", "Who?", "I."), (null, "And?", null)],
        ];
        foreach (var conversation in conversations)
            Assert.Equal(WithoutBegin(format.RenderPrompt(Messages(conversation))), Render(template, conversation));
    }

    [Fact]
    public void TemplateOfAFamilyThatSaysMore_IsItsPlainForm()
    {
        const string dated =
            """
            {{- bos_token }}{{- "<|start_header_id|>system<|end_header_id|>\n\nToday is " + date_string | default("26 Jul 2024") + "<|eot_id|>" }}
            {%- for message in messages %}
            {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
            {%- endfor %}
            {%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}
            """;
        var template = OllamaTemplate.Of(new PromptFormat("tokenizer", dated, [], null), null)!;
        Assert.False(template.IsExact);
        Assert.StartsWith("{{ if .System }}<|start_header_id|>system", template.Template);
    }

    [Fact]
    public void TemplateThatCannotBeSaid_IsNone() =>
        Assert.Null(OllamaTemplate.Of(new PromptFormat("x", "{{ messages | length }}", [], null), null));

    [Fact]
    public void Folder_HoldsTheModelAndAModelfile()
    {
        var adapter = _folder["adapter"];
        PromptFormats.Create("alpaca", Tokenizer.Load(s_nano)).Save(Directory.CreateDirectory(adapter).FullName);
        File.WriteAllText(Path.Combine(adapter, AdapterConfig.FileName), AdapterConfig.Write(new LoraOptions(), null));
        var source = new ExportSource(s_nano, AdapterFolder.Open(adapter), ModelConfigFile.Load(s_nano), "nano");
        var notes = new List<string>();
        var text = OllamaExport.Describe(source, notes);
        Assert.Empty(notes);
        Assert.StartsWith("FROM ./model.gguf\n\nTEMPLATE \"\"\"{{ if .System }}", text);
        Assert.Contains("SYSTEM \"\"\"Below is an instruction that describes a task. Write a response", text);
        Assert.EndsWith("PARAMETER stop \"### Instruction:\"\n", text);

        var plain = source with { Adapter = null };
        Directory.CreateDirectory(_folder["folder"]);
        OllamaExport.Write(new ModelExport(plain, GgufOutType.Q8_0), plain, _folder["folder"]);
        Assert.True(File.Exists(_folder["folder/Modelfile"]));
        Assert.Equal("nano", SpecificationReader.Read(_folder["folder/model.gguf"]).Metadata["general.name"]);
    }

    private static JsonArray Messages((string? System, string Prompt, string? Response)[] conversation)
    {
        var messages = new JsonArray();
        foreach (var (system, prompt, response) in conversation)
        {
            if (system is not null)
                Add("system", system);
            Add("user", prompt);
            if (response is not null)
                Add("assistant", response);
        }

        return messages;

        void Add(string role, string content) =>
            messages.Add((JsonNode)new JsonObject { ["role"] = role, ["content"] = content });
    }

    private static string WithoutBegin(string text) =>
        text.StartsWith("<s>", StringComparison.Ordinal) ? text[3..] : text;

    /// <summary>
    /// As Ollama renders such a template: once an exchange, and cut off where the answer is to be written.
    /// </summary>
    private static string Render(
        OllamaTemplate template, (string? System, string Prompt, string? Response)[] conversation)
    {
        var text = new StringBuilder();
        for (var turn = 0; turn < conversation.Length; turn++)
        {
            var (system, prompt, response) = conversation[turn];
            var shown = response is null ? template.Template[..CutAt(template.Template)] : template.Template;
            text.Append(Execute(shown, system ?? (turn == 0 ? template.System : null) ?? "", prompt, response ?? ""));
        }

        return text.ToString();
    }

    /// <summary>Everything after the first mention of the answer is dropped, an <c>if</c> around it included.</summary>
    private static int CutAt(string template)
    {
        var at = template.IndexOf("{{ if .Response }}", StringComparison.Ordinal);
        return at >= 0 ? at : template.IndexOf("{{ .Response }}", StringComparison.Ordinal);
    }

    private static string Execute(string template, string system, string prompt, string response)
    {
        foreach (var (field, value) in new[] { ("System", system), ("Response", response) })
        {
            var open = $"{{{{ if .{field} }}}}";
            var start = template.IndexOf(open, StringComparison.Ordinal);
            if (start < 0)
                continue;
            var end = template.IndexOf("{{ end }}", start, StringComparison.Ordinal);
            var body = template[(start + open.Length)..end].Split("{{ else }}");
            var kept = value.Length > 0 ? body[0] : body.Length > 1 ? body[1] : "";
            template = template[..start] + kept + template[(end + "{{ end }}".Length)..];
        }

        return template.Replace("{{ .System }}", system).Replace("{{ .Prompt }}", prompt)
            .Replace("{{ .Response }}", response);
    }
}
