using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Reads the same tokens with the optimized step and with the reference.</summary>
internal static class DecodingComparison
{
    private static readonly int[] s_ragged = [5, 90, 1];

    /// <summary>
    /// In bfloat16 the step's logits are as close as the reference's to those of the same model in float32; in float32 they
    /// are the reference's.
    /// </summary>
    /// <param name="model">From <see cref="Model"/>.</param>
    /// <param name="rank">Of its adapter.</param>
    /// <param name="rows">Rows of the batch; several are of different lengths.</param>
    /// <param name="steps">Tokens to read.</param>
    /// <param name="kernels">Makes the kernels for a cache.</param>
    /// <param name="longest">Length of the prompt of a batch of one.</param>
    public static void RequireEqual(
        DecoderModel model, int rank, int rows, int steps, Func<KeyValueCache, IDecodingKernels> kernels, int longest = 90)
    {
        var random = new Random(3);
        var prompts = Enumerable.Range(0, rows)
            .Select(row => Enumerable.Range(0, rows == 1 ? longest : s_ragged[row % 3] + row)
                .Select(_ => random.Next(model.Config.VocabularySize)).ToArray())
            .ToArray();
        using var exact = Exact(model, rank);
        using var run = new Run(model, prompts, steps);
        using var reference = new Run(model, prompts, steps);
        using var wide = new Run(exact, prompts, steps);
        using var step = new DecodingStep(model, run.Cache, kernels(run.Cache));
        var (allowed, error, size) = (0.0, 0.0, 0.0);
        for (var i = 0; i < steps; i++)
        {
            var ids = Chosen(wide.Logits);
            wide.Logits = exact.Decode(ids, wide.Cache);
            reference.Logits = model.Decode(ids, reference.Cache);
            run.Logits = step.Run(ids);
            allowed += SquaredDistance(wide.Logits, reference.Logits);
            error += SquaredDistance(wide.Logits, run.Logits);
            size += SquaredDistance(zeros_like(wide.Logits), wide.Logits);
            RequireLikely(reference.Logits, run.Logits, step.MostLikely(), i);
        }

        var floor = model.ComputeType == ScalarType.Float32 ? 1e-10 * size : 0;
        Assert.True(error <= 2.25 * allowed + floor, $"{Math.Sqrt(error):G3} from float32, the reference {Math.Sqrt(allowed):G3}");
    }

    /// <summary>A model of random weights, biases that matter, and a random adapter.</summary>
    public static DecoderModel Model(
        ModelConfig shape, QuantizationSettings quantization, int rank, Device device, ScalarType type = ScalarType.BFloat16)
    {
        var model = ModelFactory.Create(shape, new LoadSettings(type, device, quantization), seed: 5, deviation: 0.06);
        using var quiet = no_grad();
        foreach (var projection in model.LayerProjections)
            if (projection.Bias is { } bias)
                bias.copy_(linspace(-0.5, 0.5, bias.shape[0]));
        if (rank > 0)
            Adapter.Create(model, new LoraOptions { Rank = rank, Alpha = rank, InitLoraWeights = LoraInitialisation.Random }, seed: 3);
        return model;
    }

    /// <summary>A small decoder with eight heads, two of them for keys.</summary>
    public static ModelConfig Shape(int headSize, int hidden = 512, int inner = 1408) => new()
    {
        ModelType = "llama",
        VocabularySize = 1000,
        HiddenSize = hidden,
        IntermediateSize = inner,
        LayerCount = 3,
        HeadCount = 8,
        KeyValueHeadCount = 2,
        HeadSize = headSize,
        NormEpsilon = 1e-5,
        Rope = new RopeSettings(),
        MaxPositions = 1024,
        Source = [],
    };

    /// <summary>The same numbers in float32, dense, without adapters.</summary>
    public static DecoderModel Exact(DecoderModel model)
    {
        var exact = ModelFactory.Create(
            model.Config, new LoadSettings(ScalarType.Float32, model.Device, QuantizationSettings.None), seed: 1);
        using var quiet = no_grad();
        exact.Embedding.copy_(model.Embedding);
        foreach (var (to, from) in exact.LayerProjections.Append(exact.Head).Zip(model.LayerProjections.Append(model.Head)))
        {
            ((DenseWeight)to.Weight).MoveTo(from.Weight.Materialize(ScalarType.Float32).clone());
            if (from.Bias is { } bias)
                to.Bias!.copy_(bias);
        }

        return exact;
    }

    private static DecoderModel Exact(DecoderModel model, int rank)
    {
        var exact = Exact(model);
        if (rank == 0)
            return exact;
        using var quiet = no_grad();
        Adapter.Create(exact, new LoraOptions { Rank = rank, Alpha = rank }, seed: 1);
        foreach (var (to, from) in exact.Trainable.Zip(model.Trainable))
            to.Value.copy_(from.Value);
        return exact;
    }

    private static double SquaredDistance(Tensor expected, Tensor actual) =>
        Math.Pow((expected - actual).to_type(ScalarType.Float64).norm().item<double>(), 2);

    /// <summary>The chosen are the largest of the step's own logits, and no worse than noise by the reference.</summary>
    private static void RequireLikely(Tensor expected, Tensor actual, int[] chosen, int step)
    {
        Assert.Equal(Chosen(actual), chosen);
        using var index = tensor(chosen.Select(id => (long)id).ToArray(), device: expected.device).unsqueeze(1);
        var lost = (expected.amax([1]) - expected.gather(1, index).squeeze(1)).max().item<float>();
        var noise = (expected - actual).abs().max().item<float>();
        Assert.True(lost <= 2 * noise, $"Step {step} chose a token {lost} below the best; the logits differ by {noise}.");
    }

    private static int[] Chosen(Tensor logits)
    {
        using var ids = logits.argmax(1).cpu();
        return [.. TensorMemory.Span<long>(ids).ToArray().Select(id => (int)id)];
    }

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
