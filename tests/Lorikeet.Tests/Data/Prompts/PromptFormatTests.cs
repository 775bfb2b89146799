using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;

namespace Lorikeet.Tests.Data.Prompts;

public sealed class PromptFormatTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData("guanaco", "### Human: Hi ### Assistant:")]
    [InlineData("llama-2", "<s>[INST] Hi [/INST]")]
    [InlineData("chatml", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")]
    [InlineData(
        "llama-3",
        "<s><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    [InlineData("zephyr", "<|user|>\nHi</s>\n<|assistant|>\n")]
    [InlineData("squad", "Question: Hi\nAnswer:")]
    [InlineData("verbatim", "Hi")]
    public void BuiltIn_RendersThePromptThatItsAnswersFollow(string name, string prompt)
    {
        var format = PromptFormats.Create(name, DataFixture.Tokenizer);
        Assert.Equal(prompt, format.RenderPrompt("Hi"));

        var rendered = format.RenderAnswers(
            Messages(("user", "Hi"), ("assistant", "Yo"), ("user", "And?"), ("assistant", "No")), null);
        Assert.StartsWith(prompt, rendered.Text);
        Assert.Equal(prompt.Length, rendered.Answers![0].Start);
        Assert.Equal(["Yo", "No"], rendered.Answers.Select(answer => rendered.Text[answer.Start..answer.End])
            .Select(text => text.Split("</s>")[0].Split("<|")[0].Trim()));
    }

    [Fact]
    public void LlamaTwo_PutsTheSystemMessageInTheFirstTurn() => Assert.Equal(
        "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST] Yo </s><s>[INST] And? [/INST]",
        PromptFormats.Create("llama-2", DataFixture.Tokenizer).RenderPrompt(
            Messages(("system", "Be kind."), ("user", "Hi"), ("assistant", "Yo"), ("user", "And?"))));

    [Fact]
    public void Default_IsGuanaco_WithoutAChatTemplate()
    {
        var format = PromptFormats.Create(null, DataFixture.Tokenizer);
        Assert.Equal("guanaco", format.Name);
        Assert.Equal(["### Human:"], format.StopStrings);
    }

    [Fact]
    public void TemplateFile_StopsAtWhatItWritesAfterAnAnswer()
    {
        var path = _data.Write(
            "mine.jinja",
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}{% if add_generation_prompt " +
            "%}<assistant>{% endif %}");
        var format = PromptFormats.Create(path, DataFixture.Tokenizer);
        Assert.Equal("mine.jinja", format.Name);
        Assert.Equal("<user>Hi<end><assistant>", format.RenderPrompt("Hi"));
        Assert.Equal(["<end>"], format.StopStrings);
    }

    [Theory]
    [InlineData("nowhere.jinja", "no such file")]
    [InlineData("tokenizer", "has no chat template")]
    public void UnknownTemplate_IsRefused(string name, string message) => Assert.Contains(
        message,
        Assert.Throws<ConfigurationException>(() => PromptFormats.Create(name, DataFixture.Tokenizer)).Message);

    [Fact]
    public void SavedFormat_AsksTheSame()
    {
        var format = PromptFormats.Create("alpaca", DataFixture.Tokenizer);
        format.Save(_data.Folder);
        var loaded = PromptFormat.TryLoad(_data.Folder, DataFixture.Tokenizer)!;

        Assert.Equal(format.RenderPrompt("Hi"), loaded.RenderPrompt("Hi"));
        Assert.Equal(format.StopStrings, loaded.StopStrings);
        Assert.Equal(format.Name, loaded.Name);
        loaded.RequireSame(format);
        Assert.Null(PromptFormat.TryLoad(Path.Combine(_data.Folder, "none"), DataFixture.Tokenizer));
    }

    [Fact]
    public void AnotherFormat_IsRefused()
    {
        var trained = PromptFormats.Create("alpaca", DataFixture.Tokenizer);
        var fault = Assert.Throws<ConfigurationException>(
            () => trained.RequireSame(PromptFormats.Create("guanaco", DataFixture.Tokenizer)));
        Assert.Contains("'guanaco', and the adapter was trained with 'alpaca'", fault.Message);
    }

    [Theory]
    [InlineData("Assistant", "Helper", "is not the one the adapter was trained with")]
    [InlineData("{", "", "is invalid")]
    [InlineData("\"name\"", "\"template\"", "the key 'template' is there twice")]
    [InlineData("\"name\"", "\"nome\"", "'name' is missing. Expected a string")]
    [InlineData("\"template\"", "\"tmpl\"", "'template' is missing. Expected a string")]
    [InlineData("\"stop_strings\": [", "\"stop_strings\": [null, ", "'stop_strings[0]' is null. Expected a string")]
    [InlineData("\"guanaco\"", "\"\\ud83d\"", "half of a surrogate pair")]
    public void ChangedFile_IsRefused(string from, string to, string message)
    {
        PromptFormats.Create("guanaco", DataFixture.Tokenizer).Save(_data.Folder);
        var path = Path.Combine(_data.Folder, PromptFormat.FileName);
        File.WriteAllText(path, File.ReadAllText(path).Replace(from, to));
        Assert.Contains(
            message, Assert.Throws<CheckpointException>(() => PromptFormat.TryLoad(_data.Folder, null)).Message);
    }

    [Theory]
    [InlineData("<s>[INST] Hi [/INST]")]
    [InlineData("[INST] Hi [/INST]")]
    public void Prompt_BeginsOnceHoweverItIsWritten(string prompt)
    {
        var ids = new TextEncoder(DataFixture.Tokenizer).EncodePrompt(prompt);
        Assert.Equal(1, ids[0]);
        Assert.DoesNotContain(1, ids.Skip(1));
    }

    private static JsonArray Messages(params (string Role, string Content)[] turns) =>
        [.. turns.Select(turn => new JsonObject { ["role"] = turn.Role, ["content"] = turn.Content })];
}
