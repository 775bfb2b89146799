using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Generation;

public sealed class TextGeneratorTests : IDisposable
{
    private static readonly int[][] s_prompts =
        [.. Enumerable.Range(1, 10).Select(length => Enumerable.Range(3 * length, length).ToArray())];

    private readonly DecoderModel _model = ModelLoader.Load(
        TestAssets.Golden("models", "gqa"), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Sampling_DependsOnTheSeed_AndNotOnTheBatch()
    {
        var options = new GenerationOptions
        {
            MaxNewTokens = 12,
            Sample = true,
            TopK = 0,
            EndTokens = [2, 3, 4, 5],
            Seed = 7,
        };
        var together = Outputs(new TextGenerator(_model, null).Generate(s_prompts, options));
        Assert.Equal(together, Outputs(new TextGenerator(_model, null) { BatchSize = 1 }.Generate(s_prompts, options)));
        Assert.Equal(together, Outputs(new TextGenerator(_model, null) { BatchSize = 4 }.Generate(s_prompts, options)));
        Assert.NotEqual(
            together, Outputs(new TextGenerator(_model, null).Generate(s_prompts, options with { Seed = 8 })));
    }

    [Fact]
    public void EqualPrompts_AreSampledDifferently()
    {
        var options = new GenerationOptions { MaxNewTokens = 12, Sample = true, TopK = 0 };
        var outputs = Outputs(new TextGenerator(_model, null).Generate([s_prompts[3], s_prompts[3]], options));
        Assert.NotEqual(outputs[0], outputs[1]);
    }

    [Fact]
    public void RowsThatEndEarly_ChangeNothingForTheOthers()
    {
        // Many end tokens: rows leave the batch one by one and the cache is compacted under way.
        var options = new GenerationOptions { MaxNewTokens = 40, EndTokens = [.. Enumerable.Range(0, 16)] };
        var together = new TextGenerator(_model, null).Generate(s_prompts, options);
        Assert.Contains(together.Continuations, row => row.Finish == FinishReason.EndToken);
        Assert.Equal(Outputs(together), s_prompts.Select(prompt =>
            Outputs(new TextGenerator(_model, null).Generate([prompt], options))[0]).ToArray());
    }

    [Fact]
    public void Beams_OfManyPrompts_EqualThoseOfEachAlone()
    {
        var options = new GenerationOptions { MaxNewTokens = 20, Beams = 4, EndTokens = [.. Enumerable.Range(0, 16)] };
        var together = Outputs(new TextGenerator(_model, null).Generate(s_prompts, options));
        Assert.Equal(together, s_prompts.Select(prompt =>
            Outputs(new TextGenerator(_model, null).Generate([prompt], options))[0]).ToArray());
    }

    [Fact]
    public void Drawn_TokensFollowTheirProbabilities()
    {
        const int draws = 4000;
        var options = new GenerationOptions { Sample = true, TopK = 0, Seed = 3 };
        var chooser = new TokenChooser(options, 4);
        int[] chosen = [.. Enumerable.Range(0, draws).Select(row => chooser.Choose(
            [0f, 1f, 2f, float.NegativeInfinity], new DecodingRow((ulong)row, [1], options, null), new float[4]))];

        var sum = Math.Exp(0) + Math.Exp(1) + Math.Exp(2);
        for (var id = 0; id < 3; id++)
        {
            var share = Math.Exp(id) / sum;
            var deviation = Math.Sqrt(share * (1 - share) / draws);
            Assert.InRange(
                chosen.Count(token => token == id) / (double)draws, share - 4 * deviation, share + 4 * deviation);
        }

        Assert.DoesNotContain(3, chosen);
    }

    [Fact]
    public void Stream_EndsWithTheWholeContinuation()
    {
        var options = new GenerationOptions { MaxNewTokens = 9, EndTokens = [2] };
        var last = new TextGenerator(_model, null).Stream(s_prompts[5], options).Last();
        var whole = new TextGenerator(_model, null).Generate([s_prompts[5]], options).Continuations[0];
        Assert.Equal(whole.OutputIds, last.Result!.OutputIds);
        Assert.Equal(FinishReason.Length, last.Result.Finish);
    }

    [Fact]
    public void Cancelling_ReturnsWhatIsThere()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        var result = new TextGenerator(_model, null).Generate(s_prompts, new GenerationOptions(), cancelled.Token);
        Assert.All(result.Continuations, row => Assert.Equal(FinishReason.Cancelled, row.Finish));
        Assert.Equal(0, result.Tokens);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void PromptAsLongAsMaxLength_GetsNoTokens(int beams)
    {
        var options = new GenerationOptions { MaxLength = 5, Beams = beams };
        var result = new TextGenerator(_model, null).Generate([s_prompts[8], s_prompts[1]], options);
        Assert.Equal(
            (0, FinishReason.Length), (result.Continuations[0].OutputIds.Count, result.Continuations[0].Finish));
        Assert.Equal(3, result.Continuations[1].OutputIds.Count);
    }

    [Fact]
    public void TemperatureZero_TakesTheMostLikelyTokens()
    {
        var greedy = Outputs(
            new TextGenerator(_model, null).Generate(s_prompts, new GenerationOptions { MaxNewTokens = 12 }));
        var cold = new GenerationOptions { MaxNewTokens = 12, Sample = true, Temperature = 0, TopP = 0.9 };
        Assert.Equal(greedy, Outputs(new TextGenerator(_model, null).Generate(s_prompts, cold)));
    }

    [Fact]
    public void SampledText_DoesNotDependOnThePlaceOfItsRow()
    {
        var options = new GenerationOptions { MaxNewTokens = 12, Sample = true, TopK = 0 };
        var forward = Outputs(new TextGenerator(_model, null).Generate(s_prompts, options));
        var backward = Outputs(new TextGenerator(_model, null).Generate([.. s_prompts.Reverse()], options));
        Assert.Equal(forward, backward.Reverse());
        Assert.Equal(
            forward[3], new TextGenerator(_model, null).Stream(s_prompts[3], options).Last().Result!.OutputIds);
    }

    [Theory]
    [InlineData(2, null, 1, "max_length is 2, and the prompt has 2 tokens, so nothing can be added")]
    [InlineData(
        null, GenerationOptions.MostNewTokens, GenerationOptions.MostBeams,
        "so much memory is not free. Give a smaller max_new_tokens")]
    public void ALengthThatLeavesNoRoom_IsRefused(int? maxLength, int? maxNewTokens, int beams, string message) =>
        Assert.Contains(message, Assert.Throws<ConfigurationException>(() => new TextGenerator(_model, null).Generate(
            [[1, 5]],
            new GenerationOptions { MaxLength = maxLength, MaxNewTokens = maxNewTokens, Beams = beams })).Message);

    [Fact]
    public void IdOutsideTheVocabulary_IsAnErrorThatNamesIt() =>
        Assert.Contains("320", Assert.Throws<DatasetException>(
            () => { new TextGenerator(_model, null).Generate([[1, 320]], new GenerationOptions()); }).Message);

    [Fact]
    public void StopStrings_WithoutATokenizer_AreAnError() =>
        Assert.Throws<ConfigurationException>(
            () => { new TextGenerator(_model, null).Generate([[1]], new GenerationOptions { StopStrings = ["x"] }); });

    private static int[][] Outputs(GenerationResult result) =>
        [.. result.Continuations.Select(row => row.OutputIds.ToArray())];
}
