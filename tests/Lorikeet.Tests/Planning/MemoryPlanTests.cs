using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Passes.Cuda;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using Lorikeet.Training.Planning;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Planning;

/// <summary>What is predicted from shapes is what a model that was really made holds.</summary>
public class MemoryPlanTests
{
    private const int Tokens = 128;

    [Theory]
    [InlineData(QuantizationKind.None, false)]
    [InlineData(QuantizationKind.Nf4, true)]
    [InlineData(QuantizationKind.Nf4, false)]
    [InlineData(QuantizationKind.Fp4, true)]
    [InlineData(QuantizationKind.Int8, false)]
    public void FixedParts_AreThoseOfTheModel_HoweverItIsStored(QuantizationKind kind, bool nested)
    {
        var quantization = new QuantizationSettings(kind, nested, SkippedModules: ["k_proj"]);
        RequireEqual(Shape(), new LoraOptions(), quantization, new OptimizationOptions());
    }

    [Theory]
    [InlineData(OptimizerKind.AdamW)]
    [InlineData(OptimizerKind.PagedAdamW8Bit)]
    [InlineData(OptimizerKind.Sgd)]
    public void FixedParts_AreThoseOfTheModel_WhateverTheOptimizer(OptimizerKind optimizer) => RequireEqual(
        Shape() with { TiedEmbeddings = true, IntermediateSize = 300 },
        new LoraOptions
        {
            Rank = 24,
            RankPattern = new Dictionary<string, int> { ["layers.1.self_attn.v_proj"] = 9, ["down_proj"] = 2 },
        },
        QuantizationSettings.None, new OptimizationOptions { Optimizer = optimizer });

    [Fact]
    public void FixedParts_AreThoseOfTheModel_WithBiasesAndWholeModules() => RequireEqual(
        Shape() with { QueryKeyValueBias = true, AttentionOutputBias = true, FeedForwardBias = true },
        new LoraOptions
        {
            TargetModules = TargetModules.Named("q_proj"),
            ModulesToSave = ["lm_head"],
            Bias = LoraBias.All,
        },
        QuantizationSettings.None, new OptimizationOptions());

    [Fact]
    public void FixedParts_AreThoseOfTheModel_WithMagnitudes() => RequireEqual(
        Shape(), new LoraOptions { UseDora = true, TargetModules = TargetModules.Named("q_proj", "embed_tokens") },
        new QuantizationSettings(QuantizationKind.Nf4, true), new OptimizationOptions());

    [Fact]
    public void FixedParts_AreThoseOfTheModel_WithAllOfItTrained() => RequireEqual(
        Shape() with { QueryKeyNorm = QueryKeyNorm.PerHead }, null, QuantizationSettings.None,
        new OptimizationOptions());

    [Theory]
    [InlineData("gqa_bf16")]
    [InlineData("qwen2")]
    [InlineData("gqa_bnb_nf4")]
    [InlineData("gqa_bnb_int8")]
    public void StoredWeights_AreCountedAsTheyAreLoaded(string name)
    {
        var folder = TestAssets.Golden("models", name);
        foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            using var model = ModelLoader.Load(folder, new LoadSettings(type, CPU, QuantizationSettings.None));
            using var stored = ModelFiles.OpenWeights(folder);
            using var outline = ModelOutline.Create(
                ModelConfigFile.Load(folder), type, QuantizationSettings.None, stored);
            Assert.Equal(ModelOutline.BytesOf(model), ModelOutline.BytesOf(outline));
        }
    }

    [Theory]
    [InlineData(QuantizationKind.None, false, Checkpointing.None, 0)]
    [InlineData(QuantizationKind.None, true, Checkpointing.Full, 0)]
    [InlineData(QuantizationKind.Nf4, false, Checkpointing.Full, 0.1)]
    [InlineData(QuantizationKind.Nf4, true, Checkpointing.None, 0.1)]
    [InlineData(QuantizationKind.Nf4, true, Checkpointing.Full, 0)]
    public void PassWithoutMemory_CountsWhatThePassTakes(
        QuantizationKind kind, bool augments, Checkpointing checkpointing, double dropout)
    {
        var adapter = new LoraOptions
        {
            Rank = 5,
            Dropout = dropout,
            TargetModules = TargetModules.Named("q_proj", "v_proj", "up_proj", "down_proj"),
        };
        RequireCounted(Shape(), adapter, kind, augments, checkpointing);
    }

    [Theory]
    [InlineData(QuantizationKind.None, false, Checkpointing.None, 0)]
    [InlineData(QuantizationKind.None, true, Checkpointing.Full, 0.1)]
    [InlineData(QuantizationKind.Nf4, false, Checkpointing.Full, 0)]
    public void PassWithoutMemory_CountsMagnitudesAndBiases(
        QuantizationKind kind, bool augments, Checkpointing checkpointing, double dropout) => RequireCounted(
        Shape() with { QueryKeyValueBias = true },
        new LoraOptions { Rank = 5, Dropout = dropout, UseDora = true, Bias = LoraBias.All },
        kind, augments, checkpointing);

    [Theory]
    [InlineData(QuantizationKind.None, false, Checkpointing.None)]
    [InlineData(QuantizationKind.Nf4, true, Checkpointing.Full)]
    public void PassWithoutMemory_CountsHeadEmbeddingAndNorms(
        QuantizationKind kind, bool augments, Checkpointing checkpointing) => RequireCounted(
        Shape(),
        new LoraOptions
        {
            Rank = 5,
            TargetModules = TargetModules.Named("q_proj", "lm_head"),
            ModulesToSave = ["embed_tokens", "norm", "k_proj"],
        },
        kind, augments, checkpointing);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void PassWithoutMemory_CountsAllWeightsThatAreTrained(bool tied) => RequireCounted(
        Shape() with { TiedEmbeddings = tied }, null, QuantizationKind.None, augments: false, Checkpointing.None);

    private static void RequireCounted(
        ModelConfig ofModel, LoraOptions? adapter, QuantizationKind kind, bool augments, Checkpointing checkpointing)
    {
        var (shape, quantization) = (ofModel with { VocabularySize = 500 }, new QuantizationSettings(kind, true));
        using var model = ModelFactory.Create(shape, new LoadSettings(ScalarType.BFloat16, CPU, quantization), seed: 1);
        if (adapter is null)
            model.UnfreezeAll();
        else
            Adapter.Create(model, adapter, seed: 2);
        using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
        using var pass = new OptimizedPass(model, OptimizedSupport.Kernels(model), checkpointing, augments: augments);
        using var outline = Outline(shape, adapter, quantization, ScalarType.BFloat16);
        using var itsGradients = new Lorikeet.Models.Passes.Gradients(outline.Trainable);
        using var counted = new OptimizedPass(
            outline, OptimizedSupport.OutlineOf(outline, CPU), checkpointing, augments: augments, plannedFor: CPU);
        var bytes = counted.BytesFor(OneRow, free: null);
        var tables = Tokens * (2L * shape.HeadSize * 2 + 4 * sizeof(long));
        Assert.Equal(pass.BytesFor(OneRow, free: null), bytes);
        Assert.Equal(bytes.AdapterCopies, counted.HeldBytes);
        if (kind != QuantizationKind.None && augments)
            return; // a CPU decompresses into whole rows only

        var ids = Enumerable.Range(1, Tokens).Select(id => id % 96).ToArray();
        pass.Run(Batch.FromRows([new TrainingRow(ids, ids)]), 1, default);
        Assert.Equal(pass.HeldBytes, bytes.Total - bytes.Attention - tables);
        Assert.Equal(pass.RecomputedLayers, bytes.RecomputedLayers);
    }

    [Fact]
    public void WeightsThatAreLoadedAlready_CountOnce()
    {
        const long process = 1L << 40;
        using var outline = Outline(Shape(), new LoraOptions(), QuantizationSettings.None, ScalarType.Float32);
        using var loaded = new MemoryPlanner(outline, new OptimizationOptions(), CPU, process, isLoaded: true);
        using var unloaded = new MemoryPlanner(outline, new OptimizationOptions(), CPU, process - loaded.Fixed.Weights);
        var (plan, expected) = (
            loaded.Plan(OneRow, Checkpointing.None, free: null), unloaded.Plan(OneRow, Checkpointing.None, free: null));

        Assert.True(plan.Weights > 0);
        Assert.Equal(expected.Weights, plan.Weights);
        Assert.Equal(expected.Total, plan.Total);
    }

    [Fact]
    public void LayersBelowTheTrainedOnes_AreNotKept()
    {
        using var outline = Outline(
            Shape() with { LayerCount = 6 }, new LoraOptions { LayersToTransform = [4, 5] }, QuantizationSettings.None,
            ScalarType.Float32);
        using var planner = new MemoryPlanner(outline, new OptimizationOptions(), CPU, libraries: 0);
        Assert.Equal((4, 0), Kept(planner.Plan(OneRow, Checkpointing.None, free: null)));
        Assert.Equal((4, 0), Kept(planner.Plan(OneRow, Checkpointing.Auto, free: 1L << 40)));
        Assert.Equal((6, 2), Kept(planner.Plan(OneRow, Checkpointing.Auto, free: 0)));

        static (int, int) Kept(MemoryPlan plan) => (plan.KeptFrom, plan.RecomputedLayers);
    }

    [Fact]
    public void LayersThatTrainBiasesOrNormsOnly_HaveABackwardPass()
    {
        var shape = Shape() with { LayerCount = 4, QueryKeyValueBias = true };
        using var lora = Outline(
            shape, new LoraOptions { LayersToTransform = [3], Bias = LoraBias.None }, QuantizationSettings.None,
            ScalarType.Float32);
        using var biases = Outline(
            shape, new LoraOptions { LayersToTransform = [3], Bias = LoraBias.All }, QuantizationSettings.None,
            ScalarType.Float32);
        Assert.Equal((3, 0), (TrainedLayers.First(lora), TrainedLayers.First(biases)));
    }

    [Fact]
    public void RowsOfDifferentLengthsOnCuda_HaveTheGradientsOfAllTheirTokensAtOnce()
    {
        const int tokens = 81_920;
        var shape = AttentionShape.Of(Shape());
        var width = shape.Heads * shape.HeadSize;

        // dQ, dK and dV in bfloat16; dK and dV of every query head; the sums of dQ in float32, 32 wide, and one a row
        // of each head.
        var gradients = (long)tokens * (shape.FusedWidth * 2 + 2 * width * 2);
        var sums = (tokens + 128L * 2) * shape.Heads * (32 + 1) * 4;
        Assert.Equal(gradients + sums, CudaAttention.BytesOf(shape, new BatchShape(tokens, 2, tokens - 1)).Backward);

        // cuDNN takes rows of one length, a few at a time.
        var few = CudaAttention.BytesOf(shape, new BatchShape(tokens, 80, 1024)).Backward;
        Assert.InRange(few, gradients / 20, (gradients + sums) / 20);
    }

    [Fact]
    public void OffloadedLayers_LeaveTwoOfThemOnTheDevice_AndInputsWaitOnTheHost()
    {
        var (shape, device) = (Shape() with { LayerCount = 6 }, new Device(TorchSharp.DeviceType.CUDA, 0));
        using var whole = Outline(
            shape, new LoraOptions(), new QuantizationSettings(QuantizationKind.Nf4), ScalarType.BFloat16);
        using var part = ModelOutline.Create(
            shape, ScalarType.BFloat16, new QuantizationSettings(QuantizationKind.Nf4), stored: null);
        ModelOutline.Offload(part, device, layers: 4);
        Adapter.Create(part, new LoraOptions(), seed: 2);
        var options = new OptimizationOptions { OffloadCheckpoints = true };
        using var planner = new MemoryPlanner(part, options, device, libraries: 0);
        using var all = new MemoryPlanner(whole, options with { OffloadCheckpoints = false }, device, libraries: 0);
        var layer = whole.Layers[0].Projections.Sum(projection => projection.Weight.ByteCount);
        Assert.Equal((4 * layer, 2 * layer), (planner.Fixed.Offloaded, all.Fixed.Weights - planner.Fixed.Weights));

        // Of six inputs five wait on the host, three of them with a place of their own on the device.
        var (offloaded, kept) = (
            planner.Plan(OneRow, Checkpointing.Full, null), all.Plan(OneRow, Checkpointing.Full, null));
        Assert.Equal(4 * layer + 5 * Input, offloaded.OffloadedToHost);
        Assert.Equal(2 * Input, kept.KeptActivations - offloaded.KeptActivations);
    }

    private static BatchShape OneRow => new(Tokens, 1, Tokens);

    /// <summary>Bytes of a layer's input in bfloat16.</summary>
    private static long Input => Tokens * Shape().HiddenSize * 2L;

    private static void RequireEqual(
        ModelConfig shape, LoraOptions? adapter, QuantizationSettings quantization, OptimizationOptions options)
    {
        using var model = ModelFactory.Create(shape, new LoadSettings(ScalarType.Float32, CPU, quantization), seed: 1);
        if (adapter is null)
            model.UnfreezeAll();
        else
            Adapter.Create(model, adapter, seed: 2);
        using var outline = Outline(shape, adapter, quantization, ScalarType.Float32);
        var (expected, actual) = (FixedMemory.Of(model, options), FixedMemory.Of(outline, options));
        Assert.Equal(expected, actual);
        Assert.Equal(
            model.LayerProjections.Select(projection => (projection.Name, projection.Weight.ByteCount)),
            outline.LayerProjections.Select(projection => (projection.Name, projection.Weight.ByteCount)));
        Assert.Equal(
            model.Trainable.Sum(parameter => parameter.Value.NumberOfElements) * sizeof(float), actual.Adapters);
    }

    private static DecoderModel Outline(
        ModelConfig shape, LoraOptions? adapter, QuantizationSettings quantization, ScalarType type)
    {
        var outline = ModelOutline.Create(shape, type, quantization, stored: null);
        if (adapter is null)
            outline.UnfreezeAll();
        else
            Adapter.Create(outline, adapter, seed: 2);
        return outline;
    }

    private static ModelConfig Shape() => new()
    {
        ModelType = "llama",
        VocabularySize = 96,
        HiddenSize = 64,
        IntermediateSize = 160,
        LayerCount = 2,
        HeadCount = 4,
        KeyValueHeadCount = 2,
        HeadSize = 16,
        NormEpsilon = 1e-5,
        Rope = new RopeSettings(),
        MaxPositions = 512,
        Source = [],
    };
}
