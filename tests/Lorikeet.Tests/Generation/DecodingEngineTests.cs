using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation;

/// <summary>Requests of many callers at once.</summary>
public sealed class DecodingEngineTests : IDisposable
{
    private static readonly int[][] s_prompts =
        [.. Enumerable.Range(1, 10).Select(length => Enumerable.Range(3 * length, 4 * length).ToArray())];

    private readonly DecoderModel _model = ModelLoader.Load(
        TestAssets.Golden("models", "gqa"), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task Answers_EqualThoseOfTheGenerator()
    {
        var options = new GenerationOptions { MaxNewTokens = 12, Sample = true, TopK = 0, EndTokens = [2, 3, 4, 5], Seed = 7 };
        await using var engine = new DecodingEngine(_model, null, new EngineOptions { MaxSequences = 4 });
        var answers = await Task.WhenAll(s_prompts.Select(prompt => Answer(engine, prompt, options)));
        var alone = s_prompts.Select(prompt =>
            new TextGenerator(_model, null).Generate([prompt], options).Continuations[0].OutputIds.ToArray()).ToArray();
        Assert.Equal(alone, answers);
        Assert.Equal(0, engine.Statistics.BlocksUsed);
    }

    private static async Task<int[]> Answer(DecodingEngine engine, int[] prompt, GenerationOptions options)
    {
        var tokens = new List<int>();
        await foreach (var piece in engine.Decode(
            new DecodingRequest { Prompt = prompt, Options = options }, TestContext.Current.CancellationToken))
            tokens.AddRange(piece.Tokens.Select(token => token.Id));
        return [.. tokens];
    }
}
