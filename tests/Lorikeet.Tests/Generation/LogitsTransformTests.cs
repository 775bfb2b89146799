using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Generation;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Generation;

public sealed class LogitsTransformTests
{
    public static TheoryData<string, string> Cases => new()
    {
        { "temperature_0_7", "temperature" }, { "top_k_10", "top_k" }, { "top_p_0_9", "top_p" },
        { "min_p_0_1", "min_p" }, { "typical_0_8", "typical" }, { "repetition_1_3", "repetition" },
        { "no_repeat_2", "no_repeat" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Transform_GivesTheLogitsOfTransformers(string expected, string transform)
    {
        using var golden = SafetensorsFile.Open(TestAssets.Golden("logits_processors.safetensors"));
        var vocabulary = (int)golden.Tensors["logits"].Shape[1];
        var length = (int)golden.Tensors["history"].Shape[1];
        var difference = 0.0;
        for (var row = 0; row < 3; row++)
        {
            var history = golden.Span<long>("history").Slice(row * length, length).ToArray().Select(id => (int)id)
                .ToArray();
            var logits = golden.Span<float>("logits").Slice(row * vocabulary, vocabulary).ToArray();
            Create(transform).Apply(history, 5, logits);
            Assert.Equal(golden.Span<float>(expected).Slice(row * vocabulary, vocabulary).ToArray(), logits,
                (want, got) => want == got || Math.Abs(want - got) <= 1e-6f);
            difference = golden.Span<float>(expected).Slice(row * vocabulary, vocabulary).ToArray().Zip(logits)
                .Where(pair => pair.First != pair.Second).Select(pair => (double)Math.Abs(pair.First - pair.Second))
                .Append(difference).Max();
        }

        Compatibility.RecordNear(
            "Generation", $"logits after `{transform}`", "transformers 5.17.0",
            $"{3 * golden.Tensors["logits"].Shape[1]} logits", difference);
    }

    [Fact]
    public void Pipeline_AppliesPenaltiesBeforeTemperatureAndTruncation()
    {
        var options = new GenerationOptions
        {
            Sample = true,
            Temperature = 0.5,
            TopK = 2,
            RepetitionPenalty = 2,
            SuppressedTokens = [4],
        };
        float[] logits = [4, 3, 2, 1, 9];
        new LogitsPipeline(options, 5).Apply([0], 1, logits);
        // 4/2 = 2 by the penalty, so ids 1 and {0, 2} tie for the second place; both stay, as in the reference.
        Assert.Equal([4, 6, 4, float.NegativeInfinity, float.NegativeInfinity], logits);
    }

    [Fact]
    public void OccurrencePenalties_CountTheAnswerAlone_OnceAndForEachTime()
    {
        var options = new GenerationOptions { PresencePenalty = 0.5, FrequencyPenalty = 0.25 };
        float[] logits = [1, 1, 1, -1];
        new LogitsPipeline(options, 4).Apply([0, 0, 1, 2, 2, 3], 3, logits);
        Assert.Equal([1, 1, 1 - 0.5f - 2 * 0.25f, -1 - 0.5f - 0.25f], logits);
    }

    [Theory]
    [InlineData(2.1, 0, "presence_penalty")]
    [InlineData(0, -2.1, "frequency_penalty")]
    public void OccurrencePenalties_BeyondOpenAisRange_AreRefused(double presence, double frequency, string named)
    {
        var options = new GenerationOptions { PresencePenalty = presence, FrequencyPenalty = frequency };
        Assert.StartsWith(
            named, Assert.Throws<ConfigurationException>(options.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pipeline_WithoutSampling_LeavesTheLogitsAlone() =>
        Assert.True(
            new LogitsPipeline(new GenerationOptions { Temperature = 0.5, TopP = 0.5, EndTokens = [1] }, 5).IsEmpty);

    [Fact]
    public void MinNewTokens_ForbidsEveryEndTokenUntilEnoughTokensWereAdded()
    {
        var pipeline = new LogitsPipeline(new GenerationOptions { MinNewTokens = 2, EndTokens = [1, 3] }, 4);
        float[] early = [0, 5, 1, 6];
        pipeline.Apply([7, 7, 7], 2, early);
        Assert.Equal(2, LogitsMath.ArgMax(early));

        float[] late = [0, 5, 1, 6];
        pipeline.Apply([7, 7, 7, 7], 2, late);
        Assert.Equal(3, LogitsMath.ArgMax(late));
    }

    [Fact]
    public void BadWords_ForbidTheirLastIdOnlyAfterTheOthers()
    {
        var pipeline = new LogitsPipeline(new GenerationOptions { BadWords = [[2, 3], [0]], EndTokens = [0] }, 4);
        float[] after = [1, 2, 3, 4];
        pipeline.Apply([1, 2], 1, after);
        Assert.Equal([1, 2, 3, float.NegativeInfinity], after); // the end token stays possible

        float[] elsewhere = [1, 2, 3, 4];
        pipeline.Apply([1, 1], 1, elsewhere);
        Assert.Equal([1, 2, 3, 4], elsewhere);
    }

    [Fact]
    public void TopP_OnALargeVocabulary_EqualsTheDefinition()
    {
        var random = new Random(7);
        var logits = Enumerable.Range(0, 5000).Select(_ => (float)(random.NextDouble() * 14)).ToArray();
        var kept = logits.ToArray();
        new TopPTransform(0.7).Apply([], 0, kept);

        var weights = logits.Select(logit => Math.Exp(logit)).ToArray();
        var removed = 0.0;
        foreach (var id in Enumerable.Range(0, logits.Length).OrderBy(id => logits[id]))
        {
            removed += weights[id] / weights.Sum();
            Assert.Equal(removed <= 0.3, float.IsNegativeInfinity(kept[id]));
        }
    }

    [Fact]
    public void ArgMax_TakesTheLowestOfEquals()
    {
        var logits = new float[100];
        logits[37] = logits[61] = 2;
        Assert.Equal(37, LogitsMath.ArgMax(logits));
    }

    [Theory]
    [InlineData(3)]
    [InlineData(64)]
    public void NaN_IsAnErrorThatNamesIt(int at)
    {
        var logits = new float[70];
        logits[at] = float.NaN;
        Assert.Contains("NaN", Assert.Throws<LorikeetException>(() => LogitsMath.ArgMax(logits)).Message);
    }

    [Fact]
    public void ForbiddingEverything_IsAnErrorThatSaysWhichRulesDo()
    {
        float[] logits = [float.NegativeInfinity, float.NegativeInfinity];
        Assert.Contains("suppress_tokens", Assert.Throws<LorikeetException>(() => LogitsMath.ArgMax(logits)).Message);
    }

    [Fact]
    public void LogSoftmax_OfExtremeLogits_SumsToOne()
    {
        float[] logits = [1000, 999, -1000, float.NegativeInfinity, 998, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        LogitsMath.LogSoftmax(logits, new float[logits.Length]);
        Assert.Equal(1, logits.Sum(value => Math.Exp(value)), 6);
        Assert.Equal(-Math.Log(1 + Math.Exp(-1) + Math.Exp(-2)), logits[0], 6);
    }

    private static LogitsTransform Create(string name) => name switch
    {
        "temperature" => new TemperatureTransform(0.7),
        "top_k" => new TopKTransform(10),
        "top_p" => new TopPTransform(0.9),
        "min_p" => new MinPTransform(0.1),
        "typical" => new TypicalTransform(0.8),
        "repetition" => new RepetitionPenaltyTransform(1.3),
        "no_repeat" => new NoRepeatNgramTransform(2),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };
}
