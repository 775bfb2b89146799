using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using Lorikeet.Training.Optimization;
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
        new LoraOptions { Rank = 24, RankPattern = new Dictionary<string, int> { ["layers.1.self_attn.v_proj"] = 9, ["down_proj"] = 2 } },
        QuantizationSettings.None, new OptimizationOptions { Optimizer = optimizer });

    [Fact]
    public void FixedParts_AreThoseOfTheModel_WithBiasesAndWholeModules() => RequireEqual(
        Shape() with { QueryKeyValueBias = true, AttentionOutputBias = true, FeedForwardBias = true },
        new LoraOptions { TargetModules = TargetModules.Named("q_proj"), ModulesToSave = ["lm_head"], Bias = LoraBias.All },
        QuantizationSettings.None, new OptimizationOptions());

    [Fact]
    public void FixedParts_AreThoseOfTheModel_WithMagnitudes() => RequireEqual(
        Shape(), new LoraOptions { UseDora = true, TargetModules = TargetModules.Named("q_proj", "embed_tokens") },
        new QuantizationSettings(QuantizationKind.Nf4, true), new OptimizationOptions());

    [Fact]
    public void FixedParts_AreThoseOfTheModel_WithAllOfItTrained() => RequireEqual(
        Shape() with { QueryKeyNorm = true }, null, QuantizationSettings.None, new OptimizationOptions());

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
            using var outline = ModelOutline.Create(ModelConfigFile.Load(folder), type, QuantizationSettings.None, stored);
            Assert.Equal(ModelOutline.BytesOf(model), ModelOutline.BytesOf(outline));
        }
    }

    [Theory]
    [InlineData(QuantizationKind.None, false, Checkpointing.None)]
    [InlineData(QuantizationKind.None, true, Checkpointing.Full)]
    [InlineData(QuantizationKind.Nf4, false, Checkpointing.Full)]
    [InlineData(QuantizationKind.Nf4, true, Checkpointing.None)]
    [InlineData(QuantizationKind.Nf4, true, Checkpointing.Full)]
    public void Buffers_AreThoseThatAreMade(QuantizationKind kind, bool borders, Checkpointing checkpointing)
    {
        var (shape, quantization) = (Shape() with { VocabularySize = 500 }, new QuantizationSettings(kind, true));
        var adapter = new LoraOptions { Rank = 5, TargetModules = TargetModules.Named("q_proj", "v_proj", "up_proj", "down_proj") };
        using var model = ModelFactory.Create(shape, new LoadSettings(ScalarType.BFloat16, CPU, quantization), seed: 1);
        Adapter.Create(model, adapter, seed: 2);
        using var outline = Outline(shape, adapter, quantization, ScalarType.BFloat16);
        var most = checkpointing == Checkpointing.Full ? 64 * 160 : long.MaxValue;
        var predicted = new ScratchMemory(outline, borders, most);

        using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
        using var scratch = new Scratch(ScalarType.BFloat16, CPU, borders, most);
        using var kernels = OptimizedSupport.Kernels(model);
        FusedLayer[] layers = [.. model.Layers.Select(layer => new FusedLayer(layer, scratch, kernels))];
        using var head = new OptimizedHead(model, kernels, scratch);
        Assert.Equal(scratch.NotYetTaken, predicted.Shared(Tokens));

        using var memory = new BufferMemory(ScalarType.BFloat16, CPU, Tokens);
        var keptFrom = checkpointing == Checkpointing.Full ? layers.Length : 0;
        using var buffers = new PassBuffers(layers, Tokens, keptFrom, memory);
        var needs = new PassMemory(LayerWidths.Of(outline, borders), layers.Length, ScalarType.BFloat16, CPU);
        Assert.Equal(memory.Bytes, needs.Buffers(Tokens, keptFrom));
        foreach (var layer in layers)
            layer.Dispose();
    }

    [Fact]
    public void LayersBelowTheAdapter_AreNotKept()
    {
        using var outline = Outline(
            Shape() with { LayerCount = 6 }, new LoraOptions { LayersToTransform = [4, 5] }, QuantizationSettings.None, ScalarType.Float32);
        var planner = new MemoryPlanner(outline, new OptimizationOptions(), CPU, libraries: 0);
        Assert.Equal((4, 0), Kept(planner.Plan(Tokens, Checkpointing.None, free: null)));
        Assert.Equal((4, 0), Kept(planner.Plan(Tokens, Checkpointing.Auto, free: 1L << 40)));
        Assert.Equal((6, 2), Kept(planner.Plan(Tokens, Checkpointing.Auto, free: 0)));

        static (int, int) Kept(MemoryPlan plan) => (plan.KeptFrom, plan.RecomputedLayers);
    }

    [Fact]
    public void OneLongRowOnCuda_HasTheGradientsOfAllItsTokensAtOnce()
    {
        const int tokens = 81_920;
        using var outline = Outline(
            Shape(), new LoraOptions(), new QuantizationSettings(QuantizationKind.Nf4), ScalarType.BFloat16);
        var widths = LayerWidths.Of(outline, borders: true);
        var needs = new PassMemory(widths, 2, ScalarType.BFloat16, new Device(TorchSharp.DeviceType.CUDA, 0));

        // Those of queries, keys and values in bfloat16, and of what attention returned in float32.
        var gradients = (long)tokens * (widths.Qkv * 2 + widths.Attended * 4);
        Assert.InRange(needs.Attention(tokens, keptFrom: 2), gradients, gradients * 2);
    }

    [Fact]
    public void OffloadedLayers_LeaveTwoOfThemOnTheDevice_AndInputsWaitOnTheHost()
    {
        var (shape, device) = (Shape() with { LayerCount = 6 }, new Device(TorchSharp.DeviceType.CUDA, 0));
        using var whole = Outline(shape, new LoraOptions(), new QuantizationSettings(QuantizationKind.Nf4), ScalarType.BFloat16);
        using var part = ModelOutline.Create(shape, ScalarType.BFloat16, new QuantizationSettings(QuantizationKind.Nf4), stored: null);
        ModelOutline.Offload(part, device, layers: 4);
        Adapter.Create(part, new LoraOptions(), seed: 2);
        var options = new OptimizationOptions { OffloadCheckpoints = true };
        var planner = new MemoryPlanner(part, options, device, libraries: 0);
        var all = new MemoryPlanner(whole, options with { OffloadCheckpoints = false }, device, libraries: 0);
        var layer = whole.Layers[0].Projections.Sum(projection => projection.Weight.ByteCount);
        Assert.Equal((4 * layer, 2 * layer), (planner.Fixed.Offloaded, all.Fixed.Weights - planner.Fixed.Weights));

        // Of six inputs five wait on the host, three of them with a place of their own on the device.
        var (offloaded, kept) = (planner.Plan(Tokens, Checkpointing.Full, null), all.Plan(Tokens, Checkpointing.Full, null));
        Assert.Equal(4 * layer + 5 * Input, offloaded.OffloadedToHost);
        Assert.Equal(2 * Input, kept.KeptActivations - offloaded.KeptActivations);
    }

    /// <summary>Bytes of a layer's input in bfloat16.</summary>
    private static long Input => Tokens * Shape().HiddenSize * 2L;

    private static void RequireEqual(
        ModelConfig shape, LoraOptions? adapter, QuantizationSettings quantization, OptimizationOptions options)
    {
        using var model = ModelFactory.Create(shape, new LoadSettings(ScalarType.Float32, CPU, quantization), seed: 1);
        if (adapter is null)
            Unfreezing.UnfreezeAll(model);
        else
            Adapter.Create(model, adapter, seed: 2);
        using var outline = Outline(shape, adapter, quantization, ScalarType.Float32);
        var (expected, actual) = (FixedMemory.Of(model, options), FixedMemory.Of(outline, options));
        Assert.Equal(expected, actual);
        Assert.Equal(
            model.LayerProjections.Select(projection => (projection.Name, projection.Weight.ByteCount)),
            outline.LayerProjections.Select(projection => (projection.Name, projection.Weight.ByteCount)));
        Assert.Equal(model.Trainable.Sum(parameter => parameter.Value.NumberOfElements) * sizeof(float), actual.Adapters);
    }

    private static DecoderModel Outline(
        ModelConfig shape, LoraOptions? adapter, QuantizationSettings quantization, ScalarType type)
    {
        var outline = ModelOutline.Create(shape, type, quantization, stored: null);
        if (adapter is null)
            Unfreezing.UnfreezeAll(outline);
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
