using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Generation;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Tests.Data.Prompts;

/// <summary>
/// The tokens of a training row begin with the tokens of its prompt as <c>eval</c>, <c>generate</c> and <c>chat</c>
/// encode it, and the first token after them is learned.
/// </summary>
public sealed class PromptTokensTests : IDisposable
{
    private static readonly string[] Asked =
    [
        "Who?", "A: ", "A:  ", "A:\n", "A:\n ", "The cap", "2 + 2 =", "Hà Nội ", "x\t", "\"", "</s> ",
    ];
    private static readonly string[] Answered = ["Yo", " Yo", "\n\nYo", "ital", "漢", "4", "  two", "\tx", "...", "\n"];

    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData("nano-base")]
    [InlineData("llama2")]
    [InlineData("llama3_1")]
    [InlineData("mistral_7b")]
    [InlineData("qwen2_5")]
    [InlineData("tok512_spm")]
    public void Row_BeginsWithTheTokensOfItsPrompt(string name)
    {
        var tokenizer = Load(name);
        foreach (var format in BuiltInFormats.Names.Append("tokenizer"))
        {
            if (format == "tokenizer" && tokenizer.ChatTemplate is null)
                continue;
            var options = new DataOptions { ChatTemplate = format };
            Check(
                tokenizer, options,
                (asked, answered) => new JsonObject { ["question"] = asked, ["answer"] = answered });
            Check(
                tokenizer, options,
                (asked, answered) => Conversation((asked, answered), (asked, answered), (asked, answered)));
        }
        Check(
            tokenizer, new DataOptions(),
            (asked, answered) => new JsonObject { ["prompt"] = asked, ["completion"] = answered });
        Check(tokenizer, new DataOptions(), (asked, answered) => new JsonObject
        {
            ["instruction"] = asked,
            ["input"] = answered,
            ["output"] = answered,
            ["system"] = asked,
            ["history"] = new JsonArray(new JsonArray(asked, answered)),
        });
        Check(
            tokenizer, new DataOptions(),
            (asked, answered) =>
                new JsonObject { ["question"] = asked, ["context"] = answered, ["answer"] = answered });
        Check(
            tokenizer, new DataOptions(),
            (asked, answered) => new JsonObject { ["prompt"] = asked, ["chosen"] = answered, ["rejected"] = "No" });
    }

    [Theory]
    [InlineData("nano-base")]
    [InlineData("llama2")]
    [InlineData("llama3_1")]
    [InlineData("qwen2_5")]
    public void Text_BeginsWithTheTokensOfItsPrompt(string name)
    {
        var tokenizer = Load(name);
        (string, string, string)[] markups =
        [
            ("### Human: ", " ### Assistant: ", " "), ("### Human: ", "\n### Assistant:", "\n"),
            ("### Instruction:\n", "\n\n### Response:\n", "\n\n"), ("[INST] ", " [/INST] ", " </s>"),
            ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n"),
        ];
        foreach (var (question, answer, end) in markups)
        {
            Check(tokenizer, new DataOptions(), (asked, answered) => new JsonObject
            {
                ["text"] = $"{question}{asked}{answer}{answered}{end}{question}{asked}{answer}{answered}{end}".TrimEnd(
                    '\n'),
            });
        }
    }

    [Theory]
    [InlineData("A: ", "blue seven", "A:⟦ blue seven</s>⟧")]
    [InlineData("A:", " blue seven", "A:⟦ blue seven</s>⟧")]
    [InlineData("The cap", "ital", "The cap⟦ital</s>⟧")]
    public void BlanksBeforeAnAnswer_AreTheModelsToWrite(string prompt, string completion, string expected)
    {
        var path = _data.Write("a.jsonl", JsonSerializer.Serialize(new { prompt, completion }));
        Assert.EndsWith(expected, DataFixture.Show(DataFixture.Load(path).Train[0]));
    }

    private void Check(Tokenizer tokenizer, DataOptions options, Func<string, string, JsonObject> rowOf)
    {
        var rows = Asked.SelectMany(
            asked => Answered.Where(answer => answer.Trim().Length > 0).Select(answer => rowOf(asked, answer)));
        var path = _data.Write("rows.jsonl", string.Join('\n', rows.Select(row => row.ToJsonString())));
        using var data = TrainingData.Load(
            options with { Datasets = [path], MaxLength = 10_000 }, 0, tokenizer, tokenizer.VocabularySize);
        var questions = data.Questions.ToArray();
        Assert.Equal(data.Train.Count, questions.Length);
        foreach (var (question, row) in questions.Zip(data.Train))
        {
            var prompt = question.PromptIds;
            var where = $"{data.Format.Name}, {question.Origin}: {JsonSerializer.Serialize(question.Prompt)}";
            Assert.True(
                row.Ids.AsSpan().StartsWith(prompt),
                $"{where}: {string.Join(' ', prompt)} | {string.Join(' ', row.Ids)}");
            Assert.True(
                row.Labels[prompt.Length] != TrainingRow.Ignored,
                $"{where}: the first token of the answer is not learned");
            // Where nothing stands between the turns, an answer's last token may reach into the next question.
            var isApart = data.Format.Name != "verbatim" || question.Prompt == question.Text;
            Assert.True(
                !isApart || prompt.Length < 2 || row.Labels[prompt.Length - 1] == TrainingRow.Ignored,
                $"{where}: the prompt is learned");
        }
    }

    [Theory]
    [InlineData("A: ")]
    [InlineData("Who?")]
    public void GenerateAndEval_AskTheSameTokens(string asked)
    {
        var path = _data.Write("a.jsonl", Conversation(("Hi", "\nYo"), (asked, "B")).ToJsonString());
        var options = new DataOptions { Datasets = [path], ChatTemplate = "verbatim" };
        using var data = TrainingData.Load(options, 0, DataFixture.Tokenizer, DataFixture.Tokenizer.VocabularySize);
        var messages = (JsonArray)Conversation(("Hi", "\nYo"), (asked, "B"))["messages"]!;
        var prompt = new PromptReader(DataFixture.Tokenizer, data.Format, null).Read(messages);
        Assert.Equal(data.Questions.Single().PromptIds, prompt.Ids);
    }

    [Fact]
    public void RawPrompt_IsLeftAsItIs() => Assert.Equal(
        DataFixture.Tokenizer.Encode("Once upon a ").Ids,
        new PromptReader(DataFixture.Tokenizer, null, null).Read("Once upon a ").Ids);

    private static JsonObject Conversation(params (string Asked, string Answered)[] turns) => new()
    {
        ["messages"] = new JsonArray([.. turns.SelectMany(turn => (JsonNode[])
        [
            new JsonObject { ["role"] = "user", ["content"] = turn.Asked },
            new JsonObject { ["role"] = "assistant", ["content"] = turn.Answered },
        ])]),
    };

    private static Tokenizer Load(string name) =>
        name == "nano-base" ? DataFixture.Tokenizer : Tokenizer.Load(TestAssets.Asset("tokenizers", name));
}
