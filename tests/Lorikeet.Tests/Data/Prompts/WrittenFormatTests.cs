using System.Text.Json;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Prompts;

namespace Lorikeet.Tests.Data.Prompts;

/// <summary>Texts that mark who speaks are asked in their own words.</summary>
public sealed class WrittenFormatTests : IDisposable
{
    private const string Preamble =
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n";
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    private TrainingData Load(params string[] texts) => DataFixture.Load(_data.Write(
        "a.jsonl", string.Join('\n', texts.Select(text => JsonSerializer.Serialize(new { text })))));

    [Theory]
    [InlineData("### Instruction:\nQ\n\n### Response:\nA")]
    [InlineData("### Instruction: Q ### Response: A")]
    [InlineData(Preamble + "### Instruction:\nQ\n\n### Response:\nA")]
    [InlineData("You are kind.\n\n### Instruction:\nQ\n\n### Response:\nA")]
    [InlineData("You're \\kind.\n### Instruction:\nQ\n### Response:\nA")]
    [InlineData("### Human: Q ### Assistant: A")]
    [InlineData("### Human: Q### Assistant: A")]
    [InlineData("### Human:\nQ\n\n### Assistant:\nA")]
    [InlineData("A chat between a curious human and an assistant. ### Human: Q ### Assistant: A")]
    [InlineData("<s>[INST] Q [/INST] A </s>")]
    [InlineData("[INST] Q [/INST] A")]
    [InlineData("<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nQ [/INST] A </s>")]
    [InlineData("[INST]Q[/INST]A")]
    [InlineData("<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n")]
    [InlineData(
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n")]
    [InlineData("<|system|>\nBe kind.</s>\n<|user|>\nQ</s>\n<|assistant|>\nA</s>")]
    public void Format_WritesTheTextUpToTheAnswer(string text)
    {
        var data = Load([.. new[] { "one", "two", "three" }.Select(question => text.Replace("Q", question))]);
        foreach (var question in data.Questions)
        {
            var asked = data.Format.RenderPrompt(question.Text);
            Assert.Equal(question.Prompt.Replace("<s>", ""), asked.Replace("<s>", ""));
            Assert.Equal(question.PromptIds, new TextEncoder(DataFixture.Tokenizer).EncodePrompt(asked));
        }
        Assert.DoesNotContain(data.Warnings, warning => warning.Contains("other words"));
    }

    [Fact]
    public void AlpacasTwoPreambles_AreTheBuiltInFormat()
    {
        var data = Load(
            Preamble + "### Instruction:\nGreet.\n\n### Response:\nHi",
            "Below is an instruction that describes a task, paired with an input that provides further context. " +
            "Write a response " +
            "that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### " +
            "Response:\n3");
        Assert.Equal(PromptFormats.Create("alpaca", DataFixture.Tokenizer).Hash, data.Format.Hash);
        Assert.DoesNotContain(data.Warnings, warning => warning.Contains("other words"));
    }

    [Fact]
    public void SecondTurn_IsAskedAsTheTextHasIt()
    {
        var data = Load("Be kind.\n### Instruction:\nA\n### Response:\nB\n\n### Instruction:\nC\n### Response:\nD");
        var prompt = data.Format.RenderPrompt(
        [
            new System.Text.Json.Nodes.JsonObject { ["role"] = "user", ["content"] = "A" },
            new System.Text.Json.Nodes.JsonObject { ["role"] = "assistant", ["content"] = "B" },
            new System.Text.Json.Nodes.JsonObject { ["role"] = "user", ["content"] = "C" },
        ]);
        Assert.Equal("Be kind.\n### Instruction:\nA\n### Response:\nB\n\n### Instruction:\nC\n### Response:\n", prompt);
    }

    [Fact]
    public void TextsInOtherWords_AreCounted()
    {
        var data = Load(
            "### Instruction:\none\n\n### Response:\nA", "### Instruction:\ntwo\n\n### Response:\nA",
            "Note: ### Instruction:\nthree\n\n### Response:\nA");
        var warning = Assert.Single(data.Warnings, warning => warning.Contains("other words"));
        Assert.Contains("1 of the first 3 rows", warning);
        Assert.Contains("a.jsonl:3", warning);
    }
}
