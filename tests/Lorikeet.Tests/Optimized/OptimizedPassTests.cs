using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>The hand-written pass and the reference give the same loss and gradients.</summary>
[Collection(CudaTestBase.Collection)]
public class OptimizedPassTests
{
    // Batches: rows of these lengths; one of them of the length of a block, one far longer, one a single token.
    private static readonly int[] s_lengths = [23, 1, 32, 7, 90, 33];

    [Fact]
    public void GroupedQueries_EqualReference() => RequireEqual(
        Shape(heads: 6, keyValueHeads: 2, headSize: 8), new LoraOptions());

    [Fact]
    public void OneKeyHead_EqualsReference() => RequireEqual(
        Shape(heads: 4, keyValueHeads: 1, headSize: 24), new LoraOptions());

    [Fact]
    public void WideHeads_EqualReference() => RequireEqual(
        Shape(heads: 2, keyValueHeads: 2, headSize: 80), new LoraOptions());

    [Fact]
    public void OddWidths_EqualReference() =>
        RequireEqual(
            Shape(heads: 3, keyValueHeads: 1, headSize: 10) with { IntermediateSize = 37, VocabularySize = 101 },
            new LoraOptions { Rank = 3, Alpha = 6 });

    [Fact]
    public void Biases_EqualReference() => RequireEqual(
        Shape() with { QueryKeyValueBias = true, AttentionOutputBias = true, FeedForwardBias = true },
        new LoraOptions());

    [Fact]
    public void SlidingWindow_EqualsReference() => RequireEqual(Shape() with { SlidingWindow = 13 }, new LoraOptions());

    /// <summary>Rotated heads in the activation's memory, and, where that is too narrow, in their own.</summary>
    [Theory]
    [InlineData(6, 2, 8, 112, false)]
    [InlineData(4, 1, 24, 112, true)]
    [InlineData(3, 1, 10, 37, false)]
    [InlineData(3, 1, 10, 37, true)]
    public void NormalisedQueriesAndKeys_EqualReference(
        int heads, int keyValueHeads, int headSize, int inner, bool checkpointing) => RequireEqual(
        Shape(heads, keyValueHeads, headSize) with { QueryKeyNorm = QueryKeyNorm.PerHead, IntermediateSize = inner },
        new LoraOptions { Rank = 3, Alpha = 6 }, checkpointing, augments: checkpointing);

    [Fact]
    public void QueriesAndValuesOnly_EqualReference() => RequireEqual(
        Shape(), new LoraOptions { Rank = 5, TargetModules = TargetModules.Named("q_proj", "v_proj") });

    [Fact]
    public void SomeLayersOnly_EqualReference() =>
        RequireEqual(Shape() with { LayerCount = 4 }, new LoraOptions { LayersToTransform = [1, 2] });

    [Fact]
    public void DifferentRanks_EqualReference() => RequireEqual(
        Shape(), new LoraOptions
        {
            RankPattern = new Dictionary<string, int> { ["layers.1.self_attn.v_proj"] = 9, ["down_proj"] = 2 },
        });

    [Fact]
    public void Dropout_DropsWhatTheReferenceDrops() => RequireEqual(Shape(), new LoraOptions { Dropout = 0.3 });

    [Fact]
    public void AdapterTakenOff_IsRefusedByItsPass()
    {
        using var model = ModelFactory.Create(
            Shape(), new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None), seed: 1);
        Adapter.Create(model, new LoraOptions(), seed: 2);
        using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
        using var pass = new OptimizedPass(model, OptimizedSupport.Kernels(model), Checkpointing.None);
        var batch = Batch.FromRows([new TrainingRow([1, 2, 3], [1, 2, 3])]);
        using (model.WithoutAdapter())
            Assert.Throws<InvalidOperationException>(() => pass.Evaluate(batch));

        Assert.True(pass.Evaluate(batch) > 0);
    }

    [Fact]
    public void Recomputation_ChangesNothing() => RequireEqual(
        Shape(), new LoraOptions { Dropout = 0.2 }, checkpointing: true);

    [Theory]
    [InlineData(3)]
    [InlineData(2)]
    [InlineData(0)]
    public void RecomputationWhereMemoryEnds_ChangesNothing(int recomputed)
    {
        using var model = Model(Shape() with { LayerCount = 4 }, ScalarType.Float32, QuantizationSettings.None);
        Adapter.Create(model, new LoraOptions { InitLoraWeights = LoraInitialisation.Random }, seed: 3);
        using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
        var rows = Rows(s_lengths, 96);
        long Taken(Checkpointing checkpointing)
        {
            using var pass = new OptimizedPass(model, OptimizedSupport.Kernels(model), checkpointing);
            var bytes = pass.BytesFor(new BatchShape(rows.TokenCount, rows.SegmentCount, s_lengths.Max()), free: null);
            return bytes.Total - bytes.AdapterCopies; // those are there already when the pass asks
        }

        // Of four layers the first is computed anew only where it shares its buffers; halfway between two numbers of
        // layers.
        var (least, most) = (Taken(Checkpointing.Full), Taken(Checkpointing.None));
        var free = (long)((least + (3.5 - recomputed) * (most - least) / 3) / 0.97);
        float[] Of(Checkpointing checkpointing, int expected)
        {
            using var pass = new OptimizedPass(
                model, OptimizedSupport.Kernels(model), checkpointing, freeMemory: () => free);
            gradients.Clear();
            pass.Run(rows, 0.01, new PassKey(1, 2, 3));
            Assert.Equal(expected, pass.RecomputedLayers);
            return gradients.All.data<float>().ToArray();
        }

        Assert.Equal(Of(Checkpointing.None, 0), Of(Checkpointing.Auto, recomputed));
    }

    [Theory]
    [InlineData(0, false, false)]
    [InlineData(2, false, false)]
    [InlineData(4, true, false)]
    [InlineData(0, false, true)]
    [InlineData(1, false, true)]
    [InlineData(3, false, true)]
    [InlineData(4, false, true)]
    public void CountedBuffers_AreThoseThatAreMade(int keptFrom, bool augments, bool offloads)
    {
        using var model = Model(
            Shape(heads: 3, headSize: 10) with { LayerCount = 4 }, ScalarType.Float32, QuantizationSettings.None);
        Adapter.Create(model, new LoraOptions { Rank = 3 }, seed: 3);
        using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
        using var scratch = new Scratch(ScalarType.Float32, CPU, augments, long.MaxValue);
        using var kernels = OptimizedSupport.Kernels(model);
        FusedLayer[] layers = [.. model.Layers.Select(layer => new FusedLayer(layer, scratch, kernels))];
        var widths = LayerWidths.Of(layers);
        using var memory = new BufferMemory(ScalarType.Float32, CPU, rows: 64);
        using var buffers = new PassBuffers(widths, layers.Length, 64, keptFrom, memory, offloads);
        var needs = new PassMemory(
            widths, layers.Length, ScalarType.Float32, _ => default, onCuda: false, FeedForwardSlice.Rows);
        var counted = needs.Buffers(64, keptFrom, offloads);
        foreach (var layer in layers)
            layer.Dispose();
        Assert.Equal(memory.Bytes, counted);
    }

    [Fact]
    public void Evaluation_IsThatOfTheReference()
    {
        using var model = Model(Shape(), ScalarType.Float32, QuantizationSettings.None);
        Adapter.Create(model, new LoraOptions { InitLoraWeights = LoraInitialisation.Random, Dropout = 0.5 }, seed: 3);
        using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
        using var pass = new OptimizedPass(model, OptimizedSupport.Kernels(model), Checkpointing.None, neftuneAlpha: 5);
        var batch = Rows(s_lengths, 96);
        var expected = TrainingPass.Evaluate(model, batch);
        Assert.Equal(expected, pass.Evaluate(batch), 1e-5 * expected);
        Assert.Equal(0, gradients.All.abs().max().item<float>());
    }

    [Fact]
    public void EmbeddingNoise_EqualsReference() => RequireEqual(Shape(), new LoraOptions(), noise: 5);

    [Fact]
    public void FourBitBase_EqualsReference() =>
        RequireEqual(Shape(), new LoraOptions(), quantization: new QuantizationSettings(QuantizationKind.Nf4, true));

    /// <summary>
    /// A number on the edge between two codes may fall to either side: the passes differ by little of what rounding to
    /// FP8 changes at all.
    /// </summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(0.2, true)]
    public void Float8Base_IsCloseToReference(double dropout, bool checkpointing)
    {
        var (options, float8) =
            (new LoraOptions { Rank = 3, Dropout = dropout }, new QuantizationSettings(QuantizationKind.Fp8));
        StepGradients Of(QuantizationSettings quantization, bool optimized) =>
            Gradients(Shape(), options, ScalarType.Float32, optimized, checkpointing, quantization: quantization);
        var (dense, expected, actual) = (Of(QuantizationSettings.None, false), Of(float8, false), Of(float8, true));
        Assert.Equal(expected.Loss, actual.Loss, 1e-3 * expected.Loss);
        foreach (var (name, values) in expected.Values)
        {
            var (rounding, error) = (Distance(dense.Values[name], values), Distance(values, actual.Values[name]));
            Assert.True(rounding > 1e-3, $"{name}: FP8 changes {rounding:G3}");
            Assert.True(error <= 0.1 * rounding, $"{name}: relative distance {error:G3}, FP8 itself {rounding:G3}");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.2)]
    public void FourBitBaseInLittleMemory_EqualsReference(double dropout) => RequireEqual(
        Shape(heads: 4, keyValueHeads: 4),
        new LoraOptions
        {
            Rank = 3,
            Dropout = dropout,
            TargetModules = TargetModules.Named("q_proj", "v_proj", "up_proj", "down_proj"),
            RankPattern = new Dictionary<string, int> { ["layers.1.self_attn.v_proj"] = 9 },
        },
        checkpointing: true, quantization: new QuantizationSettings(QuantizationKind.Nf4, true));

    [Fact]
    public void BorderedWeights_EqualReference() => RequireEqual(
        Shape(), new LoraOptions { Rank = 3, Alpha = 6 }, augments: true);

    [Fact]
    public void BorderedWeightsWithDropout_EqualReference() => RequireEqual(
        Shape(),
        new LoraOptions
        {
            Rank = 5,
            Alpha = 10,
            Dropout = 0.2,
            TargetModules = TargetModules.Named("q_proj", "v_proj", "up_proj"),
        },
        checkpointing: true, augments: true);

    [Fact]
    public void BFloat16_IsAsCloseToFloat32AsTheReference() =>
        RequireAsClose(BFloat16Shape, new LoraOptions(), CPU, QuantizationSettings.None);

    [Fact]
    public void BFloat16WithNormalisedHeads_IsAsCloseToFloat32AsTheReference() => RequireAsClose(
        BFloat16Shape with { QueryKeyNorm = QueryKeyNorm.PerHead }, new LoraOptions(), CPU, QuantizationSettings.None);

    [Theory]
    [InlineData(QuantizationKind.None, 0, false, false)]
    [InlineData(QuantizationKind.Nf4, 0, true, false)]
    [InlineData(QuantizationKind.Nf4, 0.2, true, false)]
    [InlineData(QuantizationKind.None, 0.2, false, false)]
    [InlineData(QuantizationKind.None, 0, false, true)]
    [InlineData(QuantizationKind.Nf4, 0, true, true)]
    public void OnCuda_IsAsCloseToFloat32AsTheReference(
        QuantizationKind kind, double dropout, bool checkpointing, bool normalisesHeads)
    {
        Assert.SkipUnless(CudaTestBase.HasDevice, "There is no CUDA device.");
        RequireAsClose(
            BFloat16Shape with { QueryKeyNorm = normalisesHeads ? QueryKeyNorm.PerHead : QueryKeyNorm.None },
            new LoraOptions { Dropout = dropout }, CudaTestBase.Device, new QuantizationSettings(kind, true),
            checkpointing);
    }

    /// <summary>
    /// Which codes numbers on an edge round to differs from pass to pass, so errors do too, a little.
    /// </summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(0.2, true)]
    public void Float8OnCuda_IsAsCloseToFloat32AsTheReference(double dropout, bool checkpointing)
    {
        Assert.SkipUnless(
            CudaTestBase.HasDevice && Float8Device.WhyUnsupported(CudaTestBase.Device) is null,
            "There is no CUDA device that multiplies in FP8.");
        RequireAsClose(
            BFloat16Shape, new LoraOptions { Dropout = dropout }, CudaTestBase.Device,
            new QuantizationSettings(QuantizationKind.Fp8), checkpointing, slack: 2);
    }

    [Theory]
    [InlineData(QuantizationKind.Nf4, 0, true)]
    [InlineData(QuantizationKind.Nf4, 7, false)]
    [InlineData(QuantizationKind.Nf4, 3, true)]
    [InlineData(QuantizationKind.None, 4, true)]
    public void OffloadingOnCuda_ChangesNothing(QuantizationKind kind, int layers, bool checkpoints)
    {
        Assert.SkipUnless(CudaTestBase.HasDevice, "There is no CUDA device.");
        var shape = Shape(heads: 8, keyValueHeads: 4, headSize: 32) with { LayerCount = 7 };
        float[] Of(int offloaded, bool offloads)
        {
            var settings = new LoadSettings(
                ScalarType.BFloat16, CudaTestBase.Device, new QuantizationSettings(kind, true),
                OffloadLayers: offloaded);
            using var model = ModelFactory.Create(shape, settings, seed: 5, deviation: 0.1);
            Adapter.Create(model, new LoraOptions { InitLoraWeights = LoraInitialisation.Random }, seed: 3);
            using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
            using var pass = new OptimizedPass(
                model, OptimizedSupport.Kernels(model), Checkpointing.Full, offloadCheckpoints: offloads);

            // Sizes that shrink and grow, evaluation between, and several steps queued without a pause.
            foreach (var lengths in (int[][])[[40], [200, 60], [9, 3], s_lengths])
            {
                gradients.Clear();
                pass.Run(Rows(lengths, 96), 0.01, default);
                pass.Evaluate(Rows([17], 96));
            }

            return gradients.All.cpu().data<float>().ToArray();
        }

        var distance = Distance(Of(0, false), Of(layers, checkpoints));
        Assert.True(distance < 1e-2, $"relative distance {distance:G3}");
    }

    /// <summary>
    /// Over the same buffers, for libraries may add in another order where memory is aligned otherwise.
    /// </summary>
    [Fact]
    public void Repeated_IsTheSameBitForBit()
    {
        using var model = Model(Shape(), ScalarType.BFloat16, QuantizationSettings.None);
        Adapter.Create(model, new LoraOptions { InitLoraWeights = LoraInitialisation.Random }, seed: 3);
        using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
        using var pass = new OptimizedPass(model, OptimizedSupport.Kernels(model), Checkpointing.None);
        var first = Once();
        var second = Once();
        Assert.Equal(first.Loss, second.Loss);
        Assert.Equal(first.Values, second.Values);

        (double Loss, float[] Values) Once()
        {
            gradients.Clear();
            var loss = pass.Run(Rows(s_lengths, Shape().VocabularySize), 0.01, new PassKey(1, 2, 0));
            return (loss, gradients.All.cpu().data<float>().ToArray());
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void BatchesOfOtherSizesBefore_ChangeNothing(bool augments)
    {
        // Shrinking, growing beyond the memory made so far, and back.
        int[][] before = [[40], [9, 3], [200, 60], [40]];
        float[] After(int[][] batches)
        {
            using var model = Model(Shape(), ScalarType.Float32, QuantizationSettings.None);
            Adapter.Create(model, new LoraOptions { InitLoraWeights = LoraInitialisation.Random }, seed: 3);
            using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
            using var pass = new OptimizedPass(
                model, OptimizedSupport.Kernels(model), Checkpointing.None, augments: augments);
            foreach (var lengths in batches)
                pass.Run(Rows(lengths, 96), 0.01, default);
            gradients.Clear();
            pass.Run(Rows(s_lengths, 96), 0.01, default);
            return gradients.All.data<float>().ToArray();
        }

        Assert.Equal(After([]), After(before));
    }

    [Fact]
    public void TrainedNormsOfHeads_AreRefusedByName()
    {
        using var model = Model(
            Shape() with { QueryKeyNorm = QueryKeyNorm.PerHead }, ScalarType.Float32, QuantizationSettings.None);
        Adapter.Create(model, new LoraOptions { ModulesToSave = ["q_norm"] }, seed: 1);
        Assert.Equal("norms of queries and keys are trained", OptimizedSupport.WhyUnsupported(model));
    }

    /// <summary>In bfloat16, both passes are as far from float32 as rounding puts them.</summary>
    internal static void RequireAsClose(
        ModelConfig shape, LoraOptions options, Device device, QuantizationSettings quantization,
        bool checkpointing = false, double slack = 1.3)
    {
        StepGradients Of(ScalarType type, bool optimized) =>
            Gradients(shape, options, type, optimized, checkpointing, quantization: quantization, device: device);
        var exact = Of(ScalarType.Float32, optimized: false);
        var reference = Of(ScalarType.BFloat16, optimized: false);
        var optimized = Of(ScalarType.BFloat16, optimized: true);
        foreach (var (name, values) in exact.Values)
        {
            var (allowed, error) = (Distance(values, reference.Values[name]), Distance(values, optimized.Values[name]));
            Assert.True(error <= slack * allowed, $"{name}: {error:G3} from float32, the reference {allowed:G3}");
        }
    }

    internal static void RequireEqual(
        ModelConfig shape, LoraOptions options, bool checkpointing = false, double noise = 0,
        QuantizationSettings? quantization = null, bool? augments = null)
    {
        var expected = Gradients(shape, options, ScalarType.Float32, false, checkpointing, noise, quantization);
        var actual = Gradients(shape, options, ScalarType.Float32, true, checkpointing, noise, quantization, augments);
        Assert.Equal(expected.Loss, actual.Loss, 1e-5 * expected.Loss);
        foreach (var (name, values) in expected.Values)
        {
            var error = Distance(values, actual.Values[name]);
            Assert.True(error <= 2e-5, $"{name}: relative distance {error:G3}");
        }
    }

    internal static StepGradients Gradients(
        ModelConfig shape, LoraOptions options, ScalarType type, bool optimized, bool checkpointing = false,
        double noise = 0, QuantizationSettings? quantization = null, bool? augments = null, Device? device = null)
    {
        using var model = Model(shape, type, quantization ?? QuantizationSettings.None, device);
        Adapter.Create(model, options with { InitLoraWeights = LoraInitialisation.Random }, seed: 3);
        using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
        if (optimized)
            Assert.Null(OptimizedSupport.WhyUnsupported(model));
        using ITrainingPass pass = optimized
            ? new OptimizedPass(
                model, OptimizedSupport.Kernels(model),
                checkpointing ? Checkpointing.Full : Checkpointing.None, noise, augments)
            : new TrainingPass(model, checkpointing, noise);

        // Two micro-batches of different sizes, so that gradients add up and buffers are made twice.
        var loss = 0.0;
        for (var i = 0; i < 2; i++)
            loss += pass.Run(Rows(s_lengths[i..], shape.VocabularySize), 0.01, new PassKey(1, 2, i));
        return new StepGradients(loss, model.Trainable.ToDictionary(
            parameter => parameter.Name, parameter => parameter.Value.grad!.cpu().flatten().data<float>().ToArray()));
    }

    internal static DecoderModel Model(
        ModelConfig shape, ScalarType type, QuantizationSettings quantization, Device? device = null)
    {
        // Drawn in float32 and rounded, so that models of both types hold the same numbers.
        var model = ModelFactory.Create(
            shape, new LoadSettings(type, device ?? CPU, quantization), seed: 5, deviation: 0.1);
        using var quiet = no_grad();
        foreach (var projection in model.LayerProjections)
            if (projection.Bias is { } bias)
                bias.copy_(linspace(-0.5, 0.5, bias.shape[0]));
        foreach (var norm in model.Layers.SelectMany(layer => new[] { layer.QueryNorm, layer.KeyNorm })
            .OfType<RmsNorm>())
            norm.Weight.copy_(linspace(0.5, 1.5, norm.Weight.shape[0]));
        return model;
    }

    internal static ModelConfig BFloat16Shape => Shape(heads: 8, keyValueHeads: 4, headSize: 32);

    internal static ModelConfig Shape(int heads = 4, int keyValueHeads = 2, int headSize = 16) => new()
    {
        ModelType = "llama",
        VocabularySize = 96,
        HiddenSize = 64,
        IntermediateSize = 112,
        LayerCount = 3,
        HeadCount = heads,
        KeyValueHeadCount = keyValueHeads,
        HeadSize = headSize,
        NormEpsilon = 1e-5,
        Rope = new RopeSettings(),
        MaxPositions = 256,
        Source = new JsonObject(),
    };

    internal static Batch Rows(int[] lengths, int vocabulary)
    {
        var random = new Random(17);
        return Batch.FromRows([.. lengths.Select(length =>
        {
            var ids = Enumerable.Range(0, length).Select(_ => random.Next(vocabulary)).ToArray();
            return new TrainingRow(ids, [.. ids.Select(id => random.Next(3) == 0 ? TrainingRow.Ignored : id)]);
        })]);
    }

    /// <summary>Euclidean distance over the length of what was expected.</summary>
    internal static double Distance(float[] expected, float[] actual)
    {
        var (difference, length) = (0.0, 0.0);
        for (var i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow(expected[i] - actual[i], 2);
            length += Math.Pow(expected[i], 2);
        }

        return Math.Sqrt(difference / Math.Max(length, 1e-30));
    }

    internal sealed record StepGradients(double Loss, IReadOnlyDictionary<string, float[]> Values);
}
