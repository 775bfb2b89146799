using Lorikeet.Lora;
using Lorikeet.Models;
using Lorikeet.Native;
using Lorikeet.Optimized.Decoding;
using Lorikeet.Options;
using Lorikeet.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>
/// The optimized step and the reference read the same tokens; its logits are as close to those of the same model in float32.
/// </summary>
public class CudaDecodingTests : CudaTestBase
{
    private static readonly int[] s_ragged = [5, 90, 1];

    [Theory]
    [InlineData(QuantizationKind.None, true, 0, 128, 1)]
    [InlineData(QuantizationKind.None, true, 16, 64, 3)]
    [InlineData(QuantizationKind.None, true, 3, 32, 8)]
    [InlineData(QuantizationKind.Nf4, false, 0, 128, 1)]
    [InlineData(QuantizationKind.Nf4, true, 16, 64, 3)]
    [InlineData(QuantizationKind.Nf4, true, 0, 64, 8)]
    [InlineData(QuantizationKind.Fp4, true, 8, 256, 2)]
    public void Steps_EqualTheReference(QuantizationKind kind, bool nested, int rank, int headSize, int rows) =>
        RequireEqual(Shape(headSize), new QuantizationSettings(kind, nested), rank, rows, records: true, steps: 6);

    [Fact]
    public void LaunchedPlainly_EqualsTheReference() => RequireEqual(
        Shape(64), new QuantizationSettings(QuantizationKind.Nf4, true), rank: 4, rows: 2, records: false, steps: 4);

    [Fact]
    public void SlidingWindow_EqualsTheReference() => RequireEqual(
        Shape(64) with { SlidingWindow = 70 }, QuantizationSettings.None, rank: 0, rows: 3, records: true, steps: 6);

    [Fact]
    public void Biases_EqualTheReference() => RequireEqual(
        Shape(64) with { QueryKeyValueBias = true, FeedForwardBias = true }, QuantizationSettings.None, rank: 4, rows: 2,
        records: true, steps: 4);

    [Fact]
    public void LongText_IsRecordedAnewAsItGrows() => RequireEqual(
        Shape(128), QuantizationSettings.None, rank: 0, rows: 1, records: true, steps: 300, longest: 230);

    [Fact]
    public void OneThousandAndOneRowsOfAHead_AreWrittenAndNoMore() => RequireEqual(
        Shape(64) with { VocabularySize = 1001 }, QuantizationSettings.None, rank: 0, rows: 1, records: true, steps: 3);

    [Fact]
    public void EightBitBase_IsLeftToTheReference()
    {
        using var model = Model(Shape(64), new QuantizationSettings(QuantizationKind.Int8, false), rank: 0);
        using var cache = model.CreateCache(1, 8);
        Assert.Null(DecodingSupport.Create(model, cache));
    }

    private static void RequireEqual(
        ModelConfig shape, QuantizationSettings quantization, int rank, int rows, bool records, int steps, int longest = 90)
    {
        using var model = Model(shape, quantization, rank);
        var random = new Random(3);
        var prompts = Enumerable.Range(0, rows)
            .Select(row => Enumerable.Range(0, rows == 1 ? longest : s_ragged[row % 3] + row).Select(_ => random.Next(shape.VocabularySize)).ToArray())
            .ToArray();
        using var exact = Exact(model, rank);
        using var run = new Run(model, prompts, steps);
        using var reference = new Run(model, prompts, steps);
        using var wide = new Run(exact, prompts, steps);
        using var step = new DecodingStep(model, run.Cache, DecodingSupport.Kernels(model, run.Cache, records)!);
        var (allowed, error) = (0.0, 0.0);
        for (var i = 0; i < steps; i++)
        {
            var ids = Chosen(wide.Logits);
            wide.Logits = exact.Decode(ids, wide.Cache);
            reference.Logits = model.Decode(ids, reference.Cache);
            run.Logits = step.Run(ids);
            allowed += SquaredDistance(wide.Logits, reference.Logits);
            error += SquaredDistance(wide.Logits, run.Logits);
            RequireLikely(reference.Logits, run.Logits, step.MostLikely(), i);
        }

        Assert.True(error <= 1.5 * allowed, $"{Math.Sqrt(error):G3} from float32, the reference {Math.Sqrt(allowed):G3}");
    }

    /// <summary>The same numbers in float32, dense.</summary>
    private static DecoderModel Exact(DecoderModel model, int rank)
    {
        var exact = ModelFactory.Create(model.Config, new LoadSettings(ScalarType.Float32, Device, QuantizationSettings.None), seed: 1);
        using var quiet = no_grad();
        exact.Embedding.copy_(model.Embedding);
        foreach (var (to, from) in exact.LayerProjections.Append(exact.Head).Zip(model.LayerProjections.Append(model.Head)))
        {
            ((DenseWeight)to.Weight).MoveTo(from.Weight.Materialize(ScalarType.Float32).clone());
            if (from.Bias is { } bias) to.Bias!.copy_(bias);
        }

        if (rank == 0) return exact;
        LoraAttachment.Attach(exact, new LoraOptions { Rank = rank, Alpha = rank }, seed: 1);
        foreach (var (to, from) in exact.Trainable.Zip(model.Trainable)) to.Value.copy_(from.Value);
        return exact;
    }

    private static double SquaredDistance(Tensor expected, Tensor actual) =>
        (expected - actual).to_type(ScalarType.Float64).square().sum().item<double>();

    /// <summary>The chosen are the largest of the step's own logits, and no worse than noise by the reference.</summary>
    private static void RequireLikely(Tensor expected, Tensor actual, int[] chosen, int step)
    {
        Assert.Equal(Chosen(actual), chosen);
        using var index = tensor(chosen.Select(id => (long)id).ToArray(), device: Device).unsqueeze(1);
        var lost = (expected.amax([1]) - expected.gather(1, index).squeeze(1)).max().item<float>();
        var noise = (expected - actual).abs().max().item<float>();
        Assert.True(lost <= 2 * noise, $"Step {step} chose a token {lost} below the best; the logits differ by {noise}.");
    }

    private static int[] Chosen(Tensor logits)
    {
        using var ids = logits.argmax(1).cpu();
        return [.. TensorMemory.Span<long>(ids).ToArray().Select(id => (int)id)];
    }

    private static DecoderModel Model(ModelConfig shape, QuantizationSettings quantization, int rank)
    {
        var model = ModelFactory.Create(shape, new LoadSettings(ScalarType.BFloat16, Device, quantization), seed: 5, deviation: 0.06);
        using var quiet = no_grad();
        foreach (var projection in model.LayerProjections)
            if (projection.Bias is { } bias) bias.copy_(linspace(-0.5, 0.5, bias.shape[0]));
        if (rank > 0)
            LoraAttachment.Attach(model, new LoraOptions { Rank = rank, Alpha = rank, InitLoraWeights = LoraInitialisation.Random }, seed: 3);
        return model;
    }

    private static ModelConfig Shape(int headSize) => new()
    {
        ModelType = "llama",
        VocabularySize = 1000,
        HiddenSize = 512,
        IntermediateSize = 1408,
        LayerCount = 3,
        HeadCount = 8,
        KeyValueHeadCount = 2,
        HeadSize = headSize,
        NormEpsilon = 1e-5,
        Rope = new RopeSettings(),
        MaxPositions = 1024,
        Source = [],
    };

    /// <summary>A cache with the prompts read, and the logits after the last token.</summary>
    private sealed class Run : IDisposable
    {
        private Tensor _logits;

        public Run(DecoderModel model, int[][] prompts, int steps)
        {
            Cache = model.CreateCache(prompts.Length, prompts.Max(prompt => prompt.Length) + steps);
            _logits = model.Prefill(prompts, Cache);
        }

        public KeyValueCache Cache { get; }

        public Tensor Logits
        {
            get => _logits;
            set
            {
                _logits.Dispose();
                _logits = value;
            }
        }

        public void Dispose()
        {
            _logits.Dispose();
            Cache.Dispose();
        }
    }
}
