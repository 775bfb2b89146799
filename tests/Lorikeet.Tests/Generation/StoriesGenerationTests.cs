using System.Text.Json.Nodes;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation;

/// <summary>Text of a trained model with its own tokenizer.</summary>
public sealed class StoriesGenerationTests
{
    private static readonly GenerationOptions s_options = new() { MaxNewTokens = 160, EndTokens = [2] };

    [Fact]
    public void Greedy_TellsTheStoryOfTransformers()
    {
        using var model = Load(out var tokenizer);
        var golden = JsonNode.Parse(File.ReadAllText(TestAssets.Golden("stories260K", "stories260K_greedy.json")))!;
        var prompt = golden["prompt_ids"]!.AsArray().Select(id => id!.GetValue<int>()).ToArray();
        var expected = golden["greedy_text"]!.GetValue<string>();
        var story = new TextGenerator(model, tokenizer).Generate([prompt], s_options).Continuations[0];
        Assert.StartsWith(expected, tokenizer.Decode([.. prompt, .. story.OutputIds], skipSpecialTokens: true));
    }

    [Fact]
    public void Stream_GivesTheSameTextPieceByPiece()
    {
        using var model = Load(out var tokenizer);
        var prompt = tokenizer.Encode("Tom and Mia went").Ids;
        var pieces = new TextGenerator(model, tokenizer).Stream(prompt, s_options).ToList();
        var whole = new TextGenerator(model, tokenizer).Generate([prompt], s_options).Continuations[0];
        Assert.Equal(whole.Text, string.Concat(pieces.Select(piece => piece.Text)));
        Assert.Equal(whole.Text, tokenizer.Decode([.. whole.OutputIds], skipSpecialTokens: true));
        Assert.True(pieces.Count > 20);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void StopString_EndsTheTextAndIsCut(int beams)
    {
        using var model = Load(out var tokenizer);
        var prompt = tokenizer.Encode("Once upon a time").Ids;
        var options = s_options with { MaxNewTokens = 60, Beams = beams };
        var free = new TextGenerator(model, tokenizer).Generate([prompt], options).Continuations[0];
        var stopped = new TextGenerator(model, tokenizer)
            .Generate([prompt], options with { StopStrings = ["girl named", "xyz"] }).Continuations[0];
        Assert.Equal(FinishReason.StopString, stopped.Finish);
        Assert.Equal(free.Text![..free.Text!.IndexOf("girl named", StringComparison.Ordinal)], stopped.Text);
        Assert.Equal(free.OutputIds.Take(stopped.OutputIds.Count), stopped.OutputIds);
    }

    [Fact]
    public void StopString_ThatIsASpecialToken_EndsTheText()
    {
        using var model = Load(out var tokenizer);
        var prompt = tokenizer.Encode("Once upon a time").Ids;
        // The model was trained on stories one after the other, and goes on with <s> where one is over.
        var result = new TextGenerator(model, tokenizer).Generate(
            [prompt], new GenerationOptions { MaxNewTokens = 400, StopStrings = ["<s>"] }).Continuations[0];
        Assert.Equal(FinishReason.EndToken, result.Finish);
    }

    private static DecoderModel Load(out Tokenizer tokenizer)
    {
        var folder = TestAssets.Asset("models", "stories260K");
        tokenizer = Tokenizer.Load(folder);
        return ModelLoader.Load(folder, new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
    }
}
