using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>Makes the factors that training begins with.</summary>
/// <remarks>Reference: peft <c>tuners/lora/layer.py</c>, update_layer and the functions it calls.</remarks>
internal static class NewFactors
{
    /// <summary>Factors for a projection, of the variant that the settings ask for.</summary>
    /// <exception cref="ConfigurationException">The projection cannot carry that variant.</exception>
    public static LoraFactors Create(Projection projection, LoraOptions settings, ulong seed, Device device)
    {
        using var scope = NewDisposeScope();
        var rank = LoraAttachment.Rank(settings, projection.Name);
        var scale = LoraAttachment.Scale(settings, projection.Name);
        if (settings.InitLoraWeights is LoraInitialisation.Pissa or LoraInitialisation.Olora)
        {
            var (initialA, initialB) = TakenPart(projection, settings, rank, scale);
            return new ResidualFactors(
                Parameter.Leaf(initialA.clone()), Parameter.Leaf(initialB.clone()), initialA.DetachFromDisposeScope(),
                initialB.DetachFromDisposeScope(), scale, settings.Dropout);
        }

        // Drawn on the CPU, so that a seed means the same adapter on every device.
        using var generator = new Generator(
            CounterRandom.Hash(seed, RandomPurpose.Initialization, (ulong)projection.Index), CPU);
        var (inputs, outputs) = (projection.Weight.Columns, projection.Weight.Rows);
        var (a, b) = device.type == DeviceType.META ? Outline(rank, inputs, outputs)
            : settings.InitLoraWeights == LoraInitialisation.Orthogonal ? Orthogonal(projection.Name, rank, inputs, outputs, generator)
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
    public static EmbeddingFactors CreateForEmbedding(DecoderModel model, LoraOptions settings, ulong seed)
    {
        using var scope = NewDisposeScope();
        var rank = LoraAttachment.Rank(settings, TensorNames.Embedding);
        var scale = LoraAttachment.Scale(settings, TensorNames.Embedding);
        using var generator = new Generator(CounterRandom.Hash(seed, RandomPurpose.Initialization, ulong.MaxValue), CPU);
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

    /// <summary>The part of the weight that the factors take over; the same whenever it is computed.</summary>
    public static (Tensor A, Tensor B) TakenPart(Projection projection, LoraOptions settings, int rank, double scale)
    {
        if (projection.Weight is not DenseWeight)
        {
            throw new ConfigurationException(
                $"init_lora_weights is {WireNames.Of(settings.InitLoraWeights)}, and '{projection.Name}' is stored as " +
                $"{projection.Weight.Format}: the part that the adapter takes over can only be split off a weight in full " +
                "precision and on the device. (For olora, PEFT quantizes the rest once more, which moves the base.) Load the base " +
                "unquantized and without offload_layers, or use init_lora_weights true.");
        }

        if (projection.Weight.Device.type == DeviceType.META)
            return Outline(rank, projection.Weight.Columns, projection.Weight.Rows);

        using var weight = projection.Weight.Materialize(ScalarType.Float32);
        return TakenPart(weight, projection.Name, settings, rank, scale);
    }

    /// <summary>The same of a weight as float32 [out, in].</summary>
    public static (Tensor A, Tensor B) TakenPart(
        Tensor weight, string module, LoraOptions settings, int rank, double scale)
    {
        if (rank > Math.Min(weight.shape[0], weight.shape[1]))
        {
            throw new ConfigurationException(
                $"The rank is {rank}, but '{module}' of shape [{weight.shape[0]}, {weight.shape[1]}] has no more than " +
                $"{Math.Min(weight.shape[0], weight.shape[1])} parts to split off. Lower lora_r, or give the module less by rank_pattern.");
        }

        if (settings.InitLoraWeights == LoraInitialisation.Olora)
            return WeightParts.Orthonormal(weight, rank);

        // Not of the run's seed: whoever loads the adapter must split off the same part.
        var key = CounterRandom.Hash(0, RandomPurpose.Initialization, (ulong)weight.shape[0], (ulong)weight.shape[1]);
        return WeightParts.Principal(weight, rank, scale, settings.PissaIterations, key);
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
        var q = linalg.qr(Normal(rank, rank)).Q;
        var (odd, even) = (q.slice(0, 0, rank, 2), q.slice(0, 1, rank, 2));
        var a = matmul(Normal(inputs, rank / 2), odd).t().Over(10);
        var b = matmul(Normal(rank / 2, outputs).t(), even).Over(10);
        return (a.contiguous(), b.contiguous());
    }

    private static Tensor Uniform(Generator generator, long inputs, params long[] shape) =>
        empty(shape).uniform_(-1 / Math.Sqrt(inputs), 1 / Math.Sqrt(inputs), generator);
}
