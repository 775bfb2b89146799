using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Models that the optimized step and the reference read the same tokens with.</summary>
internal static class DecodingComparison
{
    /// <summary>A model of random weights, biases that matter, and a random adapter.</summary>
    public static DecoderModel Model(
        ModelConfig shape, QuantizationSettings quantization, int rank, Device device,
        ScalarType type = ScalarType.BFloat16)
    {
        var model = ModelFactory.Create(shape, new LoadSettings(type, device, quantization), seed: 5, deviation: 0.06);
        using var quiet = no_grad();
        foreach (var projection in model.LayerProjections)
            if (projection.Bias is { } bias)
                bias.copy_(linspace(-0.5, 0.5, bias.shape[0]));
        foreach (var norm in model.Norms)
            norm.Weight.copy_(linspace(0.5, 1.5, norm.Weight.shape[0])
                .Plus(shape.NormWeighting == NormWeighting.OnePlusBeforeRounding ? -1.0 : 0));
        if (rank > 0)
            Adapter.Create(
                model, new LoraOptions { Rank = rank, Alpha = rank, InitLoraWeights = LoraInitialisation.Random },
                seed: 3);
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

    /// <summary>A decoder of three layers that has what a family has otherwise than Llama.</summary>
    public static ModelConfig Family(string name, int headSize)
    {
        var shape = Shape(headSize);
        RopeSettings global = new() { Theta = 1e6 }, local = new();
        return name switch
        {
            "gemma3" => (shape with
            {
                NormPlacement = NormPlacement.BeforeAndAfter,
                NormWeighting = NormWeighting.OnePlusBeforeRounding,
                QueryKeyNorm = QueryKeyNorm.PerHead,
                Activation = GateActivation.GeluTanh,
                AttentionScale = 0.1,
                EmbeddingScale = Math.Sqrt(shape.HiddenSize),
                RoundsEmbeddingScale = true,
                LogitSoftCap = 30,
                TiedEmbeddings = true,
            }).With([new(20, local, false), new(null, global, false), new(20, local, false)]),
            "olmo2" => shape with
            {
                NormPlacement = NormPlacement.After,
                NormWeighting = NormWeighting.BeforeRounding,
                QueryKeyNorm = QueryKeyNorm.WholeWidth,
            },
            "granite" => shape with
            {
                EmbeddingScale = 3,
                AttentionScale = 0.09,
                ResidualScale = 0.5,
                LogitDivisor = 2,
            },
            "qwen3" => shape with { QueryKeyNorm = QueryKeyNorm.PerHead },
            "phi4" => shape with { FusedProjections = true, RotarySize = headSize * 3 / 4 },
            _ => shape.With([new(null, global, false), new(null, null, false), new(null, global, false)]),
        };
    }

    /// <summary>The same numbers in float32, dense, without adapters.</summary>
    public static DecoderModel Exact(DecoderModel model)
    {
        var exact = ModelFactory.Create(
            model.Config, new LoadSettings(ScalarType.Float32, model.Device, QuantizationSettings.None), seed: 1);
        using var quiet = no_grad();
        exact.Embedding.copy_(model.Embedding);
        foreach (var (to, from) in exact.Norms.Zip(model.Norms))
            to.Weight.copy_(from.Weight);
        foreach (var (to, from) in exact.LayerProjections.Append(exact.Head)
            .Zip(model.LayerProjections.Append(model.Head)))
        {
            ((DenseWeight)to.Weight).MoveTo(from.Weight.Materialize(ScalarType.Float32).clone());
            if (from.Bias is { } bias)
                to.Bias!.copy_(bias);
        }

        return exact;
    }
}
