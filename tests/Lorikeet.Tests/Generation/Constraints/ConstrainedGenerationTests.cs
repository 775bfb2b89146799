using System.Text.Json;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Generation.Constraints;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation.Constraints;

/// <summary>Trained models, held to a form.</summary>
public sealed class ConstrainedGenerationTests
{
    private const string Schema = """
        {
          "type": "object",
          "properties": {
            "tên": {"type": "string", "maxLength": 30},
            "kind": {"enum": ["bird", "chim 🦜"]},
            "legs": {"type": "integer", "minimum": 0, "maximum": 8},
            "colours": {"type": "array", "items": {"type": "string", "maxLength": 8}, "minItems": 1, "maxItems": 3}
          },
          "required": ["tên", "kind", "legs"]
        }
        """;

    public static TheoryData<string, bool> Models => new MatrixTheoryData<string,
    bool>(["nano", "stories"], [false, true]);

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Answer_IsOfTheSchema(string name, bool samples)
    {
        using var model = Load(name, out var tokenizer);
        var form = TokenConstraints.FromJsonSchema(tokenizer, Schema);
        var answers = await Decode(model, tokenizer, samples, 6, end => form.Start(end));
        var validator = Json.Schema.JsonSchema.FromText(Schema);
        foreach (var (text, finish) in answers)
        {
            Assert.Equal(FinishReason.EndToken, finish);
            using var json = JsonDocument.Parse(text);
            Assert.True(validator.Evaluate(json.RootElement).IsValid, text);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public async Task Answer_MatchesTheExpression(string name, bool samples)
    {
        using var model = Load(name, out var tokenizer);
        const string pattern = @"(Yes|No|Có|Không), [a-z ]{5,20}[.!] (🦜|🐦){2}";
        var form = TokenConstraints.FromRegex(tokenizer, pattern);
        foreach (var (text, finish) in await Decode(model, tokenizer, samples, 6, end => form.Start(end)))
        {
            Assert.Equal(FinishReason.EndToken, finish);
            Assert.Matches($"^{pattern}$", text);
        }
    }

    /// <summary>The options of transformers' shape do the same, for one prompt, many, and as a stream.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Options_HoldAnswersToAForm(bool samples)
    {
        using var model = Load("nano", out var tokenizer);
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["schema.json"], Schema);
        var generator = new TextGenerator(model, tokenizer);
        var options = new GenerationOptions { MaxNewTokens = 480, EndTokens = [2], Sample = samples };
        int[][] prompts = [tokenizer.Encode("Once").Ids, tokenizer.Encode("Thủ đô của Việt Nam là").Ids];
        var validator = Json.Schema.JsonSchema.FromText(Schema);
        foreach (var schema in new[] { Schema, folder["schema.json"] })
        {
            var asked = options with { JsonSchema = schema };
            var answers = generator.Generate(prompts, asked).Continuations;
            foreach (var answer in answers)
            {
                Assert.Equal(FinishReason.EndToken, answer.Finish);
                using var json = JsonDocument.Parse(answer.Text!);
                Assert.True(validator.Evaluate(json.RootElement).IsValid, answer.Text);
            }

            var streamed = string.Concat(generator.Stream(prompts[1], asked).Select(piece => piece.Text));
            Assert.Equal(answers[1].Text, streamed);
        }

        var matched = generator.Generate(prompts, options with { Regex = "[a-c]{3}" }).Continuations;
        Assert.All(matched, answer => Assert.Matches("^[a-c]{3}$", answer.Text));
    }

    [Fact]
    public void Options_ThatContradictEachOther_AreRefused()
    {
        var options = new GenerationOptions { Regex = "a" };
        Assert.Throws<ConfigurationException>((options with { JsonSchema = "{}" }).Validate);
        Assert.Throws<ConfigurationException>((options with { Beams = 2 }).Validate);
        using var model = Load("nano", out var tokenizer);
        var nowhere = options with { Regex = null, JsonSchema = "nowhere.json" };
        var error = Assert.Throws<ConfigurationException>(
            () => new TextGenerator(model, tokenizer).Generate([[5]], nowhere));
        Assert.Contains("nowhere.json", error.Message, StringComparison.Ordinal);
        Assert.Throws<ConfigurationException>(() => new TextGenerator(model, null).Generate([[5]], options));
    }

    /// <summary>What is cut by the number of tokens begins as the form does, and says so.</summary>
    [Fact]
    public async Task Answer_CutByItsLength_SaysSo()
    {
        using var model = Load("nano", out var tokenizer);
        var form = TokenConstraints.FromRegex(tokenizer, "[a-z ]{200}");
        var (text, finish) = Assert.Single(await Decode(model, tokenizer, false, 1, end => form.Start(end), tokens: 5));
        Assert.Equal(FinishReason.Length, finish);
        Assert.Matches("^[a-z ]+$", text);
    }

    private static async Task<List<(string Text, FinishReason Finish)>> Decode(
        DecoderModel model, Tokenizer tokenizer, bool samples, int count, Func<int[], TokenConstraint> start,
        int tokens = 480)
    {
        await using var engine = new DecodingEngine(model, tokenizer);
        int[] end = [tokenizer.EndToken!.Value];
        var requests = Enumerable.Range(0, count).Select(i => new DecodingRequest
        {
            Prompt = tokenizer.Encode("Once upon a time").Ids,
            Options = new()
            {
                MaxNewTokens = tokens,
                EndTokens = end,
                Sample = samples,
                Temperature = 1.5,
            },
            Repetition = i,
            Constraint = start(end),
        });
        return [.. await Task.WhenAll(requests.Select(async request =>
        {
            var text = "";
            FinishReason? finish = null;
            await foreach (var piece in engine.Decode(request))
                (text, finish) = (text + piece.Text, piece.Finish);
            return (text, finish!.Value);
        }))];
    }

    private static DecoderModel Load(string name, out Tokenizer tokenizer)
    {
        var folder = name == "nano"
            ? Path.Combine(TestAssets.Root, "assets", "nano-base")
            : TestAssets.Asset("models", "stories260K");
        tokenizer = Tokenizer.Load(folder);
        return ModelLoader.Load(folder, new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
    }
}
