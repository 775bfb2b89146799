using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>
/// Two micro-batches through the reference and through the optimized pass, losses and gradients compared.
/// </summary>
internal sealed record PassComparison
{
    // One of them as long as a block, one far longer, one a single token.
    private static readonly int[] s_lengths = [23, 1, 32, 7, 90, 33];

    /// <summary>The adapter; null to train all weights.</summary>
    public LoraOptions? Adapter { get; init; }

    public ModelConfig Shape { get; init; } = Small();

    public QuantizationSettings Quantization { get; init; } = QuantizationSettings.None;

    public Device Device { get; init; } = CPU;

    public Checkpointing Checkpointing { get; init; } = Checkpointing.None;

    public bool? Augments { get; init; }

    /// <summary>NEFTune's noise on embeddings.</summary>
    public double Noise { get; init; }

    /// <summary>Rows of a slice of the feed-forward.</summary>
    public int Slice { get; init; } = FeedForwardSlice.Rows;

    public static ModelConfig Small(int heads = 4, int keyValueHeads = 2, int headSize = 16) => new()
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

    // The error of a norm's or a bias's gradient is that of some hundred sums, and scatters more than a matrix's.
    private const int FewElements = 1000;

    /// <summary>In float32 both passes are equal up to the order of sums.</summary>
    public void RequireEqual()
    {
        var (expected, actual) = (Run(ScalarType.Float32, optimized: false), Run(ScalarType.Float32, optimized: true));
        Assert.Equal(expected.Loss, actual.Loss, 1e-5 * expected.Loss);
        foreach (var (name, values) in expected.Values)
        {
            var error = Distance(values, actual.Values[name]);
            Assert.True(error <= 2e-5, $"{name}: relative distance {error:G3}");
        }
    }

    /// <summary>In bfloat16, both passes are as far from float32 as rounding puts them.</summary>
    public void RequireAsClose()
    {
        // Large enough for errors to be like those of their neighbours.
        var larger = this with { Shape = Shape with { HeadCount = 8, KeyValueHeadCount = 4, HeadSize = 32 } };
        var exact = larger.Run(ScalarType.Float32, optimized: false);
        var reference = larger.Run(ScalarType.BFloat16, optimized: false);
        var optimized = larger.Run(ScalarType.BFloat16, optimized: true);
        foreach (var (name, values) in exact.Values)
        {
            var (allowed, error) = (Distance(values, reference.Values[name]), Distance(values, optimized.Values[name]));
            var spread = Device.type != CPU.type && values.Length < FewElements ? 1.5 : 1.3;
            Assert.True(error <= spread * allowed, $"{name}: {error:G3} from float32, the reference {allowed:G3}");
        }
    }

    /// <summary>Loss and gradients of one of the passes.</summary>
    public (double Loss, IReadOnlyDictionary<string, float[]> Values) Run(ScalarType type, bool optimized)
    {
        using var model = Model(type);
        using var gradients = new Gradients(model.Trainable);
        if (optimized)
            Assert.Null(OptimizedSupport.WhyUnsupported(model));
        using ITrainingPass pass = optimized
            ? new OptimizedPass(
                model, OptimizedSupport.Kernels(model), Checkpointing, Noise, Augments, slice: Slice)
            : new TrainingPass(model, Checkpointing == Checkpointing.Full, Noise);

        // Of different sizes, so that gradients add up and buffers are made twice; what moves in between is seen.
        var loss = 0.0;
        for (var i = 0; i < 2; i++)
        {
            loss += pass.Run(Rows(s_lengths[i..]), 0.01, new PassKey(1, i, 0));
            loss += pass.Run(Rows(s_lengths[(i + 2)..]), 0.01, new PassKey(1, i, 1));
            using var quiet = no_grad();
            foreach (var parameter in model.Trainable)
                parameter.Value.Scale(1.01);
        }

        var expected = TrainingPass.Evaluate(model, Rows(s_lengths));
        Assert.Equal(expected, pass.Evaluate(Rows(s_lengths)), (type == ScalarType.Float32 ? 1e-5 : 1e-2) * expected);
        return (loss, model.Trainable.ToDictionary(
            parameter => parameter.Name, parameter => parameter.Value.grad!.cpu().flatten().data<float>().ToArray()));
    }

    /// <summary>A model with all that is trained of it moved away from where it begins.</summary>
    public DecoderModel Model(ScalarType type)
    {
        // Drawn in float32 and rounded, so that models of both types hold the same numbers.
        var model = ModelFactory.Create(Shape, new LoadSettings(type, Device, Quantization), seed: 5, deviation: 0.1);
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        foreach (var bias in model.AllProjections.Select(projection => projection.Bias).OfType<Tensor>())
            bias.copy_(linspace(-0.5, 0.5, bias.shape[0]));
        if (Adapter is null)
            model.UnfreezeAll();
        else
            Lorikeet.Models.Lora.Adapter.Create(model, Adapter, seed: 3);
        foreach (var projection in model.AllProjections)
        {
            projection.Lora?.B.Scale(0.2); // or rounding grows a hundredfold from layer to layer
            if (projection.Lora is DoraFactors dora)
            {
                var norm = DoraFactors.Norm(
                    projection.Weight.Materialize(ScalarType.Float32), dora.A, dora.B, dora.Scale);
                dora.Magnitude.copy_(norm * linspace(0.7, 1.3, norm.shape[0], device: Device));
            }
        }

        if (model.EmbeddingAdapter is EmbeddingFactors embedding)
        {
            embedding.B.Scale(0.1);
            embedding.Magnitude?.copy_(
                EmbeddingFactors.Norm(model.Embedding, embedding.A, embedding.B, embedding.Scale)
                * linspace(0.7, 1.3, embedding.Magnitude.shape[0], device: Device));
        }

        return model;
    }

    private Batch Rows(int[] lengths)
    {
        var random = new Random(17);
        return Batch.FromRows([.. lengths.Select(length =>
        {
            var ids = Enumerable.Range(0, length).Select(_ => random.Next(Shape.VocabularySize)).ToArray();
            return new TrainingRow(ids, [.. ids.Select(id => random.Next(3) == 0 ? TrainingRow.Ignored : id)]);
        })]);
    }

    /// <summary>Euclidean distance over the length of what was expected.</summary>
    private static double Distance(float[] expected, float[] actual)
    {
        var (difference, length) = (0.0, 0.0);
        for (var i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow(expected[i] - actual[i], 2);
            length += Math.Pow(expected[i], 2);
        }

        return Math.Sqrt(difference / Math.Max(length, 1e-30));
    }
}
