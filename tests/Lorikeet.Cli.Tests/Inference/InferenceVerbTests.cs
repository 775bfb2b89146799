using System.Text.Json.Nodes;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Inference;

/// <summary>The verbs that ask a model, as a user runs them.</summary>
public sealed class InferenceVerbTests
{
    private static readonly string s_gqa = TestAssets.Golden("models", "gqa");
    private static readonly string s_nano = Path.Combine(TestAssets.Root, "assets", "nano-base");
    private static readonly string s_questions = Path.Combine(TestAssets.Root, "assets", "facts-qa", "eval.jsonl");

    [Theory]
    [InlineData("greedy", "24", "1")]
    [InlineData("beam3", "16", "3")]
    public void Generate_RowsOfTokenIdsWithoutTokenizer_GivesTheTokensOfTransformers(
        string golden, string tokens, string beams)
    {
        using var folder = new TemporaryFolder();
        using var expected = SafetensorsFile.Open(Path.Combine(s_gqa, "expected.safetensors"));
        var prompt = expected.Span<long>("input_ids")[..12].ToArray();
        File.WriteAllText(folder["rows.jsonl"], new JsonObject { ["input_ids"] = List(prompt) }.ToJsonString());
        var result = Cli.Run(
            "generate", "--model", s_gqa, "--input", folder["rows.jsonl"], "--json", "--max_new_tokens", tokens,
            "--num-beams", beams);
        Assert.Equal(0, result.ExitCode);
        var answer = JsonNode.Parse(result.Output)!;
        Assert.Equal(prompt, Numbers(answer["input_ids"]));
        Assert.Equal(expected.Span<long>(golden)[12..].ToArray(), Numbers(answer["output_ids"]));
        Assert.Equal(("length", null), ((string?)answer["finish_reason"], answer["text"]));
    }

    [Fact]
    public void Generate_OnePrompt_StreamsTheAnswerAndNothingElseToStandardOutput()
    {
        var plain = CliProcess.Run(
            "generate", "--model", s_nano, "--prompt", "The capital of France is", "--max_new_tokens", "8");
        var json = Cli.Run(
            "generate", "--model", s_nano, "--prompt", "The capital of France is", "--max_new_tokens", "8", "--json");
        Assert.Equal(0, plain.ExitCode);
        Assert.Equal((string?)JsonNode.Parse(json.Output)!["text"], plain.Output.TrimEnd('\n', '\r'));
        Assert.Contains("tokens/s", plain.Error);
    }

    [Fact]
    public void Generate_Messages_AreAskedInTheFormatNamed()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["rows.jsonl"], """
            {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Left out."}]}
            {"prompt": "Who?"}
            {"prompt": "### Human: Who? ### Assistant:"}
            """);
        var result = Cli.Run(
            "generate", "--model", s_nano, "--input", folder["rows.jsonl"], "--output", folder["answers.jsonl"],
            "--chat_template", "guanaco", "--max_new_tokens", "2");
        Assert.Equal((0, ""), (result.ExitCode, result.Output));
        Assert.All(File.ReadLines(folder["answers.jsonl"]), line =>
            Assert.Equal("### Human: Who? ### Assistant:", (string?)JsonNode.Parse(line)!["prompt"]));
    }

    [Theory]
    [InlineData("--top_p is '3'", "--prompt", "x", "--top_p", "3")]
    [InlineData("Nothing is asked")]
    [InlineData("'/nowhere'", "--prompt", "x", "--model", "/nowhere")]
    public void Generate_WrongArguments_AreNamed(string expected, params string[] arguments)
    {
        string[] model = arguments.Contains("--model") ? [] : ["--model", s_gqa];
        var result = Cli.Run(["generate", .. model, .. arguments]);
        Assert.InRange(result.ExitCode, 2, 3);
        Assert.Contains(expected, result.Error);
        Assert.Empty(result.Output);
    }

    [Fact]
    public void Score_GivesTheLossAndLogitsOfTransformers()
    {
        using var folder = new TemporaryFolder();
        using var expected = SafetensorsFile.Open(Path.Combine(s_gqa, "expected.safetensors"));
        var rows = Enumerable.Range(0, 2).Select(row => new JsonObject
        {
            ["input_ids"] = List(expected.Span<long>("input_ids").Slice(48 * row, 48).ToArray()),
            ["labels"] = List(expected.Span<long>("labels").Slice(48 * row, 48).ToArray()),
            ["attention_mask"] = List(expected.Span<long>("attention_mask").Slice(48 * row, 48).ToArray()),
        }.ToJsonString());
        File.WriteAllLines(folder["rows.jsonl"], rows);
        var result = CliProcess.Run(
            "score", "--model", s_gqa, "--input", folder["rows.jsonl"], "--output", folder["scores.jsonl"],
            "--logits", folder["logits.safetensors"], "--json");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(expected.Span<float>("loss")[0], (double)JsonNode.Parse(result.Output)!["loss"]!, 1e-5);
        var scores = File.ReadLines(folder["scores.jsonl"]).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal([48, 48], scores.Select(score => score["logprobs"]!.AsArray().Count));

        using var logits = SafetensorsFile.Open(folder["logits.safetensors"]);
        Assert.Equal([2, 48, 320], logits.Tensors["logits"].Shape);
        Assert.Equal(
            expected.Span<float>("logits")[..320].ToArray(), logits.Span<float>("logits")[..320].ToArray(),
            (a, b) => Math.Abs(a - b) < 1e-4);
    }

    /// <summary>
    /// The golden pickle holds the weights of gqa after model.to(bfloat16).float(): those of gqa_bf16, widened.
    /// </summary>
    [Fact]
    public void Score_OfAPickledModel_EqualsThatOfTheSameWeightsInSafetensors()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["pickled"]);
        File.Copy(Path.Combine(s_gqa, "config.json"), folder["pickled/config.json"]);
        File.Copy(TestAssets.Golden("models", "gqa_pickle_pytorch_model.bin"), folder["pickled/pytorch_model.bin"]);
        using var expected = SafetensorsFile.Open(Path.Combine(s_gqa, "expected.safetensors"));
        var row = new JsonObject { ["input_ids"] = List(expected.Span<long>("input_ids")[..48].ToArray()) };
        File.WriteAllText(folder["rows.jsonl"], row.ToJsonString());

        float[] Logits(string model)
        {
            var result = Cli.Run(
                "score", "--model", model, "--input", folder["rows.jsonl"], "--output", folder["scores.jsonl"],
                "--logits", folder["logits.safetensors"], "--torch_dtype", "float32");
            Assert.True(result.ExitCode == 0, result.Error);
            using var logits = SafetensorsFile.Open(folder["logits.safetensors"]);
            return logits.Span<float>("logits").ToArray();
        }

        var pickled = Logits(folder["pickled"]);
        var expectedLogits = Logits(TestAssets.Golden("models", "gqa_bf16"));
        Assert.Equal(expectedLogits.Length, pickled.Length);

        // Two processes may add in another order. The weights themselves are compared where pickles are read.
        Assert.InRange(expectedLogits.Zip(pickled, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-4);
        var original = expected.Span<float>("logits")[..pickled.Length].ToArray();
        Assert.InRange(original.Zip(pickled, (a, b) => Math.Abs(a - b)).Max(), 1e-3, 0.2);
    }

    [Fact]
    public void Generate_WithATrainedModel_TellsTheStoryOfTransformers()
    {
        var story = JsonNode.Parse(File.ReadAllText(TestAssets.Golden("stories260K", "stories260K_greedy.json")))!;
        var result = Cli.Run(
            "generate", "--model", TestAssets.Asset("models", "stories260K"), "--prompt", "Once upon a time,",
            "--max_new_tokens", "120", "--json");
        Assert.Equal(0, result.ExitCode);
        var answer = JsonNode.Parse(result.Output)!;
        Assert.Equal(Numbers(story["prompt_ids"]), Numbers(answer["input_ids"]));
        Assert.Equal((string)story["greedy_text"]!, "Once upon a time, " + (string)answer["text"]!);
    }

    [Fact]
    public void Eval_MeasuresEveryQuestionAndKeepsTheAnswers()
    {
        using var folder = new TemporaryFolder();
        var result = CliProcess.Run(
            "eval", "--model", s_nano, "--dataset", s_questions, "--max_eval_samples", "6", "--json",
            "--predictions", folder["answers.jsonl"]);
        Assert.Equal(0, result.ExitCode);
        var outcome = JsonNode.Parse(result.Output)!;
        Assert.Equal(6, (int)outcome["questions"]!);
        var answers = File.ReadLines(folder["answers.jsonl"]).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal(100 * answers.Average(answer => (double)answer["f1"]!), (double)outcome["f1"]!, 1e-9);
        Assert.Equal(
            100.0 * answers.Count(answer => (bool)answer["exact_match"]!) / 6, (double)outcome["exact_match"]!, 1e-9);
        Assert.True((double)outcome["perplexity"]! > 1);
    }

    [Fact]
    public void Eval_CompareBaseWithoutAdapter_IsRefused()
    {
        var result = Cli.Run("eval", "--model", s_nano, "--dataset", s_questions, "--compare_base");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--adapter", result.Error);
    }

    private static JsonArray List(IEnumerable<long> numbers) => new([.. numbers.Select(number => (JsonNode)number)]);

    private static long[] Numbers(JsonNode? list) => [.. list!.AsArray().Select(number => (long)number!)];
}
