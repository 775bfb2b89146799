using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>Makes the factors that training begins with, of the variant that the options ask for.</summary>
/// <param name="model">The model they are for.</param>
/// <param name="settings">Their form.</param>
/// <param name="seed">Of the random numbers.</param>
/// <remarks>Reference: peft <c>tuners/lora/layer.py</c>, update_layer and the functions it calls.</remarks>
internal sealed class LoraInitializer(DecoderModel model, LoraOptions settings, ulong seed) : IAdapterValues
{
    /// <inheritdoc/>
    public Tensor Copy(string name, Func<Tensor> ofBase) => Parameter.Leaf(ofBase());

    /// <inheritdoc/>
    /// <exception cref="ConfigurationException">The projection cannot carry that variant.</exception>
    public LoraFactors FactorsOf(Projection projection)
    {
        using var scope = NewDisposeScope();
        var device = model.Device;
        var rank = settings.RankOf(projection.Name);
        var scale = settings.ScaleOf(projection.Name);
        if (settings.SplitsOff)
        {
            var (initialA, initialB) = SplitOff(projection, settings);
            return new ResidualFactors(
                Parameter.Leaf(initialA.clone()), Parameter.Leaf(initialB.clone()), initialA.DetachFromDisposeScope(),
                initialB.DetachFromDisposeScope(), scale, settings.Dropout);
        }

        // Drawn on the CPU, so that a seed means the same adapter on every device.
        using var generator = new Generator(
            CounterRandom.Hash(seed, RandomPurpose.Initialization, (ulong)projection.Index), CPU);
        var (inputs, outputs) = (projection.Weight.Columns, projection.Weight.Rows);
        var (a, b) = device.type == DeviceType.META ? Outline(rank, inputs, outputs)
            : settings.InitLoraWeights == LoraInitialisation.Orthogonal
                ? Orthogonal(projection.Name, rank, inputs, outputs, generator)
            : Drawn(settings.InitLoraWeights, rank, inputs, outputs, generator);
        var (leafA, leafB) = (Parameter.Leaf(a.to(device)), Parameter.Leaf(b.to(device)));
        if (settings.UseDora)
        {
            var magnitude = DoraFactors.Norm(projection.Weight.Materialize(ScalarType.Float32), leafA, leafB, scale);
            return new DoraFactors(projection, leafA, leafB, Parameter.Leaf(magnitude), scale, settings.Dropout);
        }

        if (!settings.FactorBias)
            return new LoraFactors(leafA, leafB, scale, settings.Dropout);
        var bias = settings.InitLoraWeights == LoraInitialisation.Random
            ? Uniform(generator, rank, outputs)
            : zeros(outputs);
        return new BiasedFactors(leafA, leafB, Parameter.Leaf(bias.to(device)), scale, settings.Dropout);
    }

    /// <summary>Factors for the embedding: A zero, B normal; with init_lora_weights false both are normal.</summary>
    public EmbeddingFactors FactorsOfEmbedding()
    {
        using var scope = NewDisposeScope();
        var rank = settings.RankOf(TensorNames.Embedding);
        var scale = settings.ScaleOf(TensorNames.Embedding);
        using var generator = new Generator(
            CounterRandom.Hash(seed, RandomPurpose.Initialization, ulong.MaxValue), CPU);
        var a = zeros(rank, model.Config.VocabularySize);
        if (settings.InitLoraWeights == LoraInitialisation.Random)
            a.normal_(0, 1, generator);
        var b = empty(model.Config.HiddenSize, rank).normal_(0, 1, generator);
        var (leafA, leafB) = (Parameter.Leaf(a.to(model.Device)), Parameter.Leaf(b.to(model.Device)));
        var magnitude = settings.UseDora
            ? Parameter.Leaf(EmbeddingFactors.Norm(model.Embedding, leafA, leafB, scale))
            : null;
        return new EmbeddingFactors(leafA, leafB, magnitude, scale);
    }

    /// <summary>
    /// The part s · B₀A₀ of a weight that the factors of PiSSA or OLoRA begin as; the same whenever it is computed.
    /// </summary>
    /// <exception cref="ConfigurationException">
    /// The weight is quantized or elsewhere, or the rank is too high.
    /// </exception>
    public static (Tensor A, Tensor B) SplitOff(Projection projection, LoraOptions settings)
    {
        RequireDense(projection, settings);
        if (projection.Weight.Device.type == DeviceType.META)
            return Outline(settings.RankOf(projection.Name), projection.Weight.Columns, projection.Weight.Rows);

        using var weight = projection.Weight.Materialize(ScalarType.Float32);
        return SplitOff(weight, projection.Name, settings);
    }

    /// <summary>Refuses a weight that no part can be split off.</summary>
    /// <exception cref="ConfigurationException">It is quantized, or not on the device.</exception>
    public static void RequireDense(Projection projection, LoraOptions settings)
    {
        if (projection.Weight is DenseWeight)
            return;
        throw new ConfigurationException(
            $"init_lora_weights is {WireNames.Of(settings.InitLoraWeights)}, and '{projection.Name}' is stored as " +
            $"{projection.Weight.Format}: the part that the adapter takes over can only be split off a weight in " +
            "full precision and on the device. (For olora, PEFT quantizes the rest once more, which moves the base.) " +
            "Load the base unquantized and without offload_layers, or use init_lora_weights true.");
    }

    /// <summary>The same of a weight as float32 [out, in].</summary>
    public static (Tensor A, Tensor B) SplitOff(Tensor weight, string module, LoraOptions settings)
    {
        var (rank, scale) = (settings.RankOf(module), settings.ScaleOf(module));
        if (rank > Math.Min(weight.shape[0], weight.shape[1]))
        {
            throw new ConfigurationException(
                $"The rank is {rank}, but '{module}' of shape [{weight.shape[0]}, {weight.shape[1]}] has no more " +
                $"than {Math.Min(weight.shape[0], weight.shape[1])} parts to split off. Lower lora_r, or give the " +
                "module less by rank_pattern.");
        }

        if (settings.InitLoraWeights == LoraInitialisation.Olora)
            return WeightDecomposition.Orthonormal(weight, rank);

        // Not of the run's seed: loading the adapter must split off the same part.
        var key = CounterRandom.Hash(0, RandomPurpose.Initialization, (ulong)weight.shape[0], (ulong)weight.shape[1]);
        return WeightDecomposition.Principal(weight, rank, scale, settings.PissaIterations, key);
    }

    /// <summary>Factors of a model on the device meta, which has no memory.</summary>
    private static (Tensor A, Tensor B) Outline(int rank, long inputs, long outputs) =>
        (empty([rank, inputs], device: META), empty([outputs, rank], device: META));

    private static (Tensor A, Tensor B) Drawn(
        LoraInitialisation kind, int rank, long inputs, long outputs, Generator generator)
    {
        // kaiming_uniform with a = sqrt(5) is uniform in ±1/sqrt(in).
        var a = kind == LoraInitialisation.Gaussian
            ? empty(rank, inputs).normal_(0, 1.0 / rank, generator)
            : Uniform(generator, inputs, rank, inputs);
        var b = kind == LoraInitialisation.Random ? Uniform(generator, rank, outputs, rank) : zeros(outputs, rank);
        return (a, b);
    }

    /// <summary>
    /// Rows of A from one half of an orthogonal matrix and columns of B from the other, so that BA is zero.
    /// </summary>
    private static (Tensor A, Tensor B) Orthogonal(
        string module, int rank, long inputs, long outputs, Generator generator)
    {
        if (rank % 2 != 0)
        {
            throw new ConfigurationException(
                $"init_lora_weights is orthogonal and the rank of '{module}' is {rank}. An even rank was expected.");
        }

        Tensor Normal(long rows, long columns) => empty(rows, columns).normal_(0, 1, generator);
        var q = linalg.qr(Normal(rank, rank)).Q; // [rank, rank]
        var (odd, even) = (q.slice(0, 0, rank, 2), q.slice(0, 1, rank, 2)); // [rank / 2, rank] each, odd · evenᵀ = 0
        var a = matmul(Normal(inputs, rank / 2), odd).t().Over(10); // [rank, in]
        var b = matmul(Normal(rank / 2, outputs).t(), even).Over(10); // [out, rank]
        return (a.contiguous(), b.contiguous());
    }

    private static Tensor Uniform(Generator generator, long inputs, params long[] shape) =>
        empty(shape).uniform_(-1 / Math.Sqrt(inputs), 1 / Math.Sqrt(inputs), generator);
}
