using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Passes.Decoding.Cpu;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>A step of many sequences on a processor reads what the reference reads of each alone.</summary>
public class CpuBatchTests
{
    private const QuantizationKind None = QuantizationKind.None, Nf4 = QuantizationKind.Nf4, Fp4 = QuantizationKind.Fp4;

    private static readonly QuantizationSettings s_nested = new(Nf4, true);
    private static readonly ModelConfig s_shape = DecodingComparison.Shape(16, 128, 192);
    private static readonly int[] s_prompts = [40, 3, 17, 1, 33, 16];

    public static TheoryData<string, ScalarType, int> Paths
    {
        get
        {
            var data = new TheoryData<string, ScalarType, int>();
            foreach (var path in Enum.GetNames<VectorPath>())
                foreach (var type in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16])
                    foreach (var rows in (int[])[1, 6])
                        data.Add(path, type, rows);
            return data;
        }
    }

    [Theory]
    [InlineData(None, ScalarType.Float32)]
    [InlineData(None, ScalarType.BFloat16)]
    [InlineData(Nf4, ScalarType.Float32)]
    [InlineData(Nf4, ScalarType.BFloat16)]
    [InlineData(Fp4, ScalarType.BFloat16)]
    public void MixedSteps_EqualTheReference(QuantizationKind kind, ScalarType type) =>
        RequireEqual(s_shape, new QuantizationSettings(kind, true), type, s_prompts, chunk: 9, joining: 2);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(47)]
    [InlineData(49)]
    [InlineData(64)]
    [InlineData(70)]
    public void EveryBatch_EqualsTheReference(int rows)
    {
        int[] prompts = [.. Enumerable.Range(1, rows)];
        RequireEqual(s_shape, s_nested, ScalarType.Float32, prompts, chunk: 71, joining: rows);
        RequireEqual(s_shape, s_nested, ScalarType.BFloat16, prompts, chunk: 71, joining: rows);
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void EveryPath_EqualsTheReference(string name, ScalarType type, int rows)
    {
        var path = Enum.Parse<VectorPath>(name);
        Assert.SkipUnless(path <= VectorPaths.Best, $"This processor has no {name}.");
        RequireEqual(
            DecodingComparison.Shape(16, 1152, 320), s_nested, type, [.. Enumerable.Repeat(5, rows)], 5, rows, path);
    }

    [Theory]
    [InlineData(172, 100)] // blocks of codes do not end with rows
    [InlineData(75, 61)] // and not even bytes do
    public void WidthsThatBlocksDoNotDivide_EqualTheReference(int inner, int hidden)
    {
        var shape = DecodingComparison.Shape(10, hidden, inner);
        RequireEqual(shape, s_nested, ScalarType.Float32, [60, 3], chunk: 50, joining: 2);
        RequireEqual(shape, QuantizationSettings.None, ScalarType.Float32, [60, 3], chunk: 50, joining: 2);
        RequireEqual(shape, QuantizationSettings.None, ScalarType.BFloat16, [60, 3], chunk: 7, joining: 2);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void LargeWeights_EqualTheReference(ScalarType type) => RequireEqual(
        DecodingComparison.Shape(64, 1088, 2112) with { LayerCount = 1 }, QuantizationSettings.None, type,
        [.. Enumerable.Repeat(3, 9)], chunk: 3, joining: 9);

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void AnAdapterPerSequence_EqualsTheReference(ScalarType type) => RequireEqual(
        s_shape, QuantizationSettings.None, type, [20, 5, 7, 31, 12, 9, 4, 8, 40, 2], chunk: 11, joining: 3,
        null, 4, 0, 16, 3);

    [Theory]
    [InlineData(12, 12)]
    [InlineData(40, 40)]
    public void AdaptersOfManyRows_EqualTheReference(int rows, int chunk) => RequireEqual(
        s_shape, s_nested, ScalarType.BFloat16, [.. Enumerable.Repeat(20, rows)], chunk, rows, null, 8, 5, 0);

    [Theory]
    [InlineData(1, 20)] // one key head for all queries
    [InlineData(4, 7)]
    [InlineData(8, 64)]
    public void KeyHeadsAndWindows_EqualTheReference(int keyHeads, int window) => RequireEqual(
        s_shape with { KeyValueHeadCount = keyHeads, SlidingWindow = window }, QuantizationSettings.None,
        ScalarType.Float32, [90, 150, 1, 15, 16, 17], chunk: 33, joining: 2);

    [Theory]
    [InlineData("qwen3", ScalarType.Float32)]
    [InlineData("qwen3", ScalarType.BFloat16)]
    [InlineData("gemma3", ScalarType.Float32)]
    [InlineData("gemma3", ScalarType.BFloat16)]
    [InlineData("olmo2", ScalarType.Float32)]
    [InlineData("olmo2", ScalarType.BFloat16)]
    [InlineData("granite", ScalarType.Float32)]
    [InlineData("granite", ScalarType.BFloat16)]
    [InlineData("phi4", ScalarType.Float32)]
    [InlineData("phi4", ScalarType.BFloat16)]
    [InlineData("smollm3", ScalarType.Float32)]
    [InlineData("smollm3", ScalarType.BFloat16)]
    public void Families_EqualTheReference(string name, ScalarType type) => RequireEqual(
        DecodingComparison.Family(name, headSize: 64), QuantizationSettings.None, type, [40, 3, 17, 1, 90], chunk: 19,
        joining: 2, null, 4, 0);

    [Fact]
    public void LongText_EqualsTheReference() =>
        RequireEqual(s_shape, QuantizationSettings.None, ScalarType.Float32, [700], chunk: 128, joining: 1);

    [Fact]
    public void BiasesAndATiedHead_EqualTheReference() => RequireEqual(
        s_shape with
        {
            QueryKeyValueBias = true,
            AttentionOutputBias = true,
            FeedForwardBias = true,
            TiedEmbeddings = true,
            VocabularySize = 1001,
        },
        QuantizationSettings.None, ScalarType.Float32, [60, 5, 6], chunk: 55, joining: 2, null, 4, 0);

    [Fact]
    public void PromptsReadInFloat32_EqualTheReference()
    {
        using var model = DecodingComparison.Model(s_shape, s_nested, 0, CPU, ScalarType.BFloat16);
        model.PromptType = ScalarType.Float32;
        using var comparison = new BatchComparison(model, 4, 0);
        comparison.RequireEqual(StepOf(model), [80, 70], chunk: 75, joining: 2);
    }

    [Fact]
    public void FactorsThatChanged_AreTakenOver()
    {
        using var model = DecodingComparison.Model(s_shape, s_nested, 0, CPU, ScalarType.Float32);
        using var cache = new PagedCache(model.Config, 2, ScalarType.Float32, CPU);
        using var step = DecodingSupport.Create(model, cache, new BatchLimits(4, 1, 16))!;
        var adapter = Adapter.Create(model, new LoraOptions { Rank = 4 }, seed: 1); // B is zero
        model.Active = null;
        using var before = Logits(step, adapter);
        using (no_grad())
            adapter.Parameters[1].Value.Fill(0.5);
        step.Refresh(adapter);
        using var after = Logits(step, adapter);
        using var bare = Logits(step, null);
        Assert.True(before.allclose(bare, 1e-4, 1e-4));
        Assert.False(after.allclose(bare, 1e-2, 1e-2));

        // Its number goes to another adapter once it is gone.
        adapter.Dispose();
        var other = Adapter.Create(model, new LoraOptions { Rank = 2 }, seed: 1);
        model.Active = null;
        using var others = Logits(step, other);
        Assert.True(others.allclose(bare, 1e-4, 1e-4));
    }

    [Fact]
    public void MoreAdaptersThanAreReadyAtOnce_TakeTurns()
    {
        using var model = DecodingComparison.Model(
            s_shape with { LayerCount = 1 }, QuantizationSettings.None, 0, CPU, ScalarType.Float32);
        using var cache = new PagedCache(model.Config, 2, ScalarType.Float32, CPU);
        using var step = DecodingSupport.Create(model, cache, new BatchLimits(4, 1, 16))!;
        var options = new LoraOptions
        {
            Rank = 1,
            TargetModules = TargetModules.Named("q_proj"),
            InitLoraWeights = LoraInitialisation.Random,
        };
        List<Adapter> adapters = [];
        for (var i = 0; i <= BatchAdapters.Most; i++)
        {
            adapters.Add(Adapter.Create(model, options, seed: (ulong)i, $"{i}"));
            model.Active = null;
        }

        using var first = Logits(step, adapters[0]);
        foreach (var adapter in adapters)
            Logits(step, adapter).Dispose();
        using var again = Logits(step, adapters[0]);
        Assert.True(first.allclose(again));
    }

    [Fact]
    public void AdaptersOfMoreThanFactors_AreLeftToTheReference()
    {
        using var model = DecodingComparison.Model(s_shape, QuantizationSettings.None, 0, CPU, ScalarType.Float32);
        RequireReason(null, new LoraOptions { Rank = 2 });
        RequireReason("the adapter is more than plain LoRA", new LoraOptions { Rank = 2, UseDora = true });
        RequireReason(
            "the adapter trains more than linear layers", new LoraOptions { Rank = 2, ModulesToSave = ["lm_head"] });

        void RequireReason(string? reason, LoraOptions options)
        {
            using var adapter = Adapter.Create(model, options, seed: 1);
            Assert.Equal(reason, DecodingSupport.WhyUnsupported(adapter));
        }
    }

    [Fact]
    public void PartsThatDoNotFit_AreRefused()
    {
        using var model = DecodingComparison.Model(s_shape, QuantizationSettings.None, 0, CPU, ScalarType.Float32);
        using var cache = new PagedCache(model.Config, 3, ScalarType.Float32, CPU);
        using var step = DecodingSupport.Create(model, cache, new BatchLimits(4, 1, 20))!;
        Refuse(new StepSequence(new int[5], 0, [1], null, 0));
        Refuse(new StepSequence(new int[1], 16, [1], null, 0));
        Refuse(new StepSequence(new int[1], 20, [1, 2], null, 0));
        Refuse(new StepSequence(new int[1], 0, [1], null, 2));
        Refuse(new StepSequence(Array.Empty<int>(), 0, [1], null, 0));
        Refuse();

        void Refuse(params StepSequence[] sequences) => Assert.Throws<ArgumentException>(() => step.Run(sequences));
    }

    private static Tensor Logits(BatchStep step, ModelAdapter? adapter)
    {
        using var logits = step.Run([new StepSequence(new[] { 3, 5, 8 }, 0, [1], adapter, 1)]);
        return logits.clone();
    }

    private static void RequireEqual(
        ModelConfig shape, QuantizationSettings quantization, ScalarType type, int[] prompts, int chunk, int joining,
        VectorPath? path = null, params int[] ranks)
    {
        using var model = DecodingComparison.Model(shape, quantization, 0, CPU, type);
        Assert.Null(DecodingSupport.WhyUnsupported(model));
        using var comparison = new BatchComparison(model, ranks);
        comparison.RequireEqual(StepOf(model, path), prompts, chunk, joining);
    }

    private static Func<PagedCache, BatchLimits, IBatchStep> StepOf(DecoderModel model, VectorPath? path = null) =>
        (cache, limits) => new BatchStep(
            model, cache, limits, DecodingSupport.BatchOnCpu(model, path ?? VectorPaths.Best));
}
