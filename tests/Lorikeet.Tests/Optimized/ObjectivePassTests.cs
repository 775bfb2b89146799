using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Losses of log-probabilities: the optimized pass is held to the reference, that to cross-entropy.</summary>
public class ObjectivePassTests
{
    private static readonly Batch s_batch = Rows();

    public static TheoryData<string, LoraOptions> Adapters => new()
    {
        { "plain", new() { TargetModules = TargetModules.Named("q_proj", "v_proj", "down_proj") } },
        { "on the head", new() { TargetModules = TargetModules.Named("k_proj", "lm_head"), Dropout = 0.3 } },
        { "head trained", new() { TargetModules = TargetModules.Named("q_proj"), ModulesToSave = ["lm_head"] } },
        { "DoRA", new() { UseDora = true } },
    };

    [Theory]
    [MemberData(nameof(Adapters))]
    public void Gradients_AreThoseOfTheReference(string kind, LoraOptions adapter)
    {
        var expected = Run(adapter, optimized: false);
        var actual = Run(adapter, optimized: true);
        Assert.True(expected.Own.Zip(expected.Base).Any(pair => Math.Abs(pair.First - pair.Second) > 0.01), kind);
        AssertClose(expected.Own, actual.Own, 2e-5);
        AssertClose(expected.Base, actual.Base, 2e-5);
        AssertClose(expected.Gradients, actual.Gradients, 5e-5);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void CrossEntropy_IsTheObjectiveOfEqualDerivatives(bool optimized)
    {
        var adapter = new LoraOptions { Dropout = 0.2 };
        var (sum, gradients) = (0.0, new float[2][]);
        for (var i = 0; i < 2; i++)
        {
            using var run = new PassOf(adapter, optimized);
            if (i == 0)
                sum = run.Pass.Run(s_batch, 0.01, new PassKey(7, 0, 0));
            else
            {
                run.Pass.Run(s_batch, all =>
                {
                    Assert.Equal(-sum, all.Sum(value => (double)value), 1e-4 * sum);
                    return [.. all.Select(_ => -0.01f)];
                }, new PassKey(7, 0, 0));
            }

            gradients[i] = run.Gradients;
        }

        AssertClose(gradients[0], gradients[1], 2e-5);
    }

    /// <summary>
    /// An adapter that was ignored is there again, also where weights and factors share their memory.
    /// </summary>
    [Theory]
    [InlineData(QuantizationKind.None)]
    [InlineData(QuantizationKind.Nf4)]
    public void Base_IsThatOfTheModelWithoutAdapter(QuantizationKind kind)
    {
        using var run = new PassOf(new LoraOptions(), optimized: true, new QuantizationSettings(kind));
        var before = run.Pass.LogProbabilities(s_batch);
        var ofBase = run.Pass.LogProbabilities(s_batch, withoutAdapter: true);
        Assert.Equal(before, run.Pass.LogProbabilities(s_batch));
        using var off = run.Model.WithoutAdapter();
        AssertClose(TrainingPass.LogProbabilities(run.Model, s_batch, withoutAdapter: false), ofBase, 2e-5);
        Assert.Equal(-TrainingPass.Evaluate(run.Model, s_batch), ofBase.Sum(value => (double)value), 1e-2);
    }

    [Fact]
    public void Temperature_DividesTheLogitsOfLogProbabilitiesAlone()
    {
        var adapter = new LoraOptions { TargetModules = TargetModules.Named("q_proj", "lm_head") };
        var (plain, expected, actual) = (
            Run(adapter, optimized: true), Run(adapter, optimized: false, 1.7), Run(adapter, optimized: true, 1.7));
        AssertClose(expected.Own, actual.Own, 2e-5);
        AssertClose(expected.Base, actual.Base, 2e-5);
        AssertClose(expected.Gradients, actual.Gradients, 5e-5);
        Assert.Contains(plain.Own.Zip(actual.Own), pair => Math.Abs(pair.First - pair.Second) > 0.1);
        using var run = new PassOf(adapter, optimized: true);
        var loss = run.Pass.Evaluate(s_batch);
        run.Pass.Temperature = 1.7;
        Assert.Equal(loss, run.Pass.Evaluate(s_batch), 1e-6 * loss);
    }

    public static TheoryData<string, ModelConfig> Shapes => new()
    {
        { "plain", PassComparison.Small() },
        { "normalised heads", PassComparison.Small() with { QueryKeyNorm = QueryKeyNorm.PerHead } },
        { "window", PassComparison.Small() with { SlidingWindow = 13 } },
    };

    /// <summary>Answers that share their prompt get what they would get each with a prompt of its own.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void SharedPrompts_EqualRepeatedOnes(string kind, ModelConfig shape)
    {
        // Three answers to a prompt of 20 tokens, a text without any, two answers to a prompt of 7.
        var whole = Answers([20, 20, 20, 0, 7, 7], [9, 1, 30, 12, 4, 16]);
        var shared = Sharing(whole, [0, 20, 20, 0, 0, 7]);
        Assert.Equal(whole.TokenCount - 47, shared.TokenCount);
        var (log, gradients) = (new List<float[]>(), new List<float[]>());
        foreach (var batch in new[] { whole, shared })
        {
            foreach (var optimized in new[] { false, true })
            {
                using var run = new PassOf(new LoraOptions(), optimized, shape: shape);
                log.Add(run.Pass.LogProbabilities(batch));
                run.Pass.Run(
                    batch, all => [.. all.Select((value, at) => 0.05f * MathF.Cos(at) * value)], new PassKey(7, 0, 0));
                gradients.Add(run.Gradients);
            }
        }

        Assert.All(log, each => AssertClose(log[0], each, 2e-5));
        Assert.All(gradients, each => AssertClose(gradients[0], each, 5e-5));
        Assert.True(log[0].Length > 60, kind);
    }

    private static Batch Answers(int[] prompts, int[] lengths)
    {
        var random = new Random(9);
        int[] first = [.. Enumerable.Range(0, 20).Select(_ => random.Next(96))];
        int[] second = [.. Enumerable.Range(0, 7).Select(_ => random.Next(96))];
        return Batch.FromRows([.. prompts.Zip(lengths, (prompt, length) =>
        {
            int[] ids =
            [
                .. prompt == 20 ? first : prompt == 7 ? second : [],
                .. Enumerable.Range(0, length).Select(_ => random.Next(96)),
            ];
            return new TrainingRow(ids, [.. ids.Select((id, at) => at < prompt ? TrainingRow.Ignored : id)]);
        })]);
    }

    private static Batch Sharing(Batch whole, int[] prefixes)
    {
        var (ids, labels, starts) = (new List<int>(), new List<int>(), new List<int> { 0 });
        for (var segment = 0; segment < prefixes.Length; segment++)
        {
            var (start, end) = (whole.SegmentStarts[segment] + prefixes[segment], whole.SegmentStarts[segment + 1]);
            ids.AddRange(whole.Ids[start..end]);
            labels.AddRange(whole.Labels[start..end]);
            starts.Add(ids.Count);
        }

        return new Batch([.. ids], [.. labels], [.. starts], whole.TargetCount) { SharedPrefixes = prefixes };
    }

    private static (float[] Own, float[] Base, float[] Gradients) Run(
        LoraOptions adapter, bool optimized, double temperature = 1)
    {
        using var run = new PassOf(adapter, optimized);
        run.Pass.Temperature = temperature;
        var (own, ofBase) = (run.Pass.LogProbabilities(s_batch), run.Pass.LogProbabilities(s_batch, true));
        for (var i = 0; i < 2; i++)
        {
            run.Pass.Run(
                s_batch, all => [.. all.Select((value, at) => 0.05f * MathF.Sin(at) * value)], new PassKey(7, 0, i));
        }

        return (own, ofBase, run.Gradients);
    }

    private static Batch Rows()
    {
        var random = new Random(4);
        return Batch.FromRows([.. new[] { 17, 40, 5, 33 }.Select(length =>
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(96))];
            return new TrainingRow(ids, [.. ids.Select((id, at) => at < length / 3 ? TrainingRow.Ignored : id)]);
        })]);
    }

    private static void AssertClose(float[] expected, float[] actual, double tolerance)
    {
        var distance = Math.Sqrt(expected.Zip(actual).Sum(pair => Math.Pow(pair.First - pair.Second, 2)));
        var length = Math.Sqrt(expected.Sum(value => Math.Pow(value, 2)));
        Assert.Equal(expected.Length, actual.Length);
        Assert.True(distance <= tolerance * length, $"relative distance {distance / length:G3}");
    }

    /// <summary>A pass over a small model whose adapter has moved away from where it begins.</summary>
    private sealed class PassOf : IDisposable
    {
        private readonly Gradients _gradients;

        public PassOf(
            LoraOptions adapter, bool optimized, QuantizationSettings? quantization = null, ModelConfig? shape = null)
        {
            Model = new PassComparison
            {
                Shape = shape ?? PassComparison.Small(),
                Adapter = adapter with { InitLoraWeights = LoraInitialisation.Random },
                Quantization = quantization ?? QuantizationSettings.None,
            }.Model(ScalarType.Float32);
            using (var quiet = no_grad())
            {
                foreach (var parameter in Model.Trainable)
                    parameter.Value.Scale(1.1);
            }

            _gradients = new Gradients(Model.Trainable);
            Pass = TrainingPasses.Create(Model, new TrainingPassOptions { Optimized = optimized });
            Assert.Equal(optimized, Pass is OptimizedPass);
        }

        public DecoderModel Model { get; }

        public ITrainingPass Pass { get; }

        public float[] Gradients => [.. _gradients.All.cpu().data<float>()];

        public void Dispose()
        {
            Pass.Dispose();
            _gradients.Dispose();
            Model.Dispose();
        }
    }
}
