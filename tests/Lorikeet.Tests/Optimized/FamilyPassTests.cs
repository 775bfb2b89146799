using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using static Lorikeet.Tests.Optimized.OptimizedPassTests;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Each thing a family does otherwise than Llama, on the hand-written pass and on the reference.</summary>
[Collection(CudaTestBase.Collection)]
public class FamilyPassTests
{
    public static TheoryData<string> Differences =>
    [
        "norms after blocks", "norms before and after", "norms of whole width", "weights of norms", "one plus weights",
        "GELU", "fused projections", "scale of attention", "capped scores", "capped logits", "scaled embeddings",
        "scaled residuals", "divided logits", "part of heads rotated", "windows of layers", "rotations of layers",
        "layers without rotation", "normalised heads without rotation", "Gemma 2", "Gemma 3", "OLMo 2", "Granite",
        "Phi 4", "mixture of experts", "experts in some layers",
    ];

    [Theory]
    [MemberData(nameof(Differences))]
    public void Differences_EqualReference(string name) => RequireEqual(
        With(name, Shape()),
        new LoraOptions { Rank = 3, Alpha = 6, TargetModules = TargetModules.AllLinear });

    /// <summary>Recomputed, with dropout and augmented weights, of widths that no vector divides.</summary>
    [Theory]
    [MemberData(nameof(Differences))]
    public void DifferencesOfOddWidths_EqualReference(string name) => RequireEqual(
        With(name, Shape(heads: 3, keyValueHeads: 1, headSize: 20)) with
        {
            IntermediateSize = 37,
            VocabularySize = 101,
        },
        new LoraOptions { Rank = 3, Alpha = 6, Dropout = 0.1, TargetModules = TargetModules.AllLinear },
        checkpointing: true, augments: true);

    [Theory]
    [MemberData(nameof(Differences))]
    public void DifferencesInBFloat16_AreAsCloseToFloat32AsTheReference(string name) => RequireAsClose(
        InBFloat16(name), new LoraOptions { TargetModules = TargetModules.AllLinear }, CPU, QuantizationSettings.None);

    [Theory]
    [MemberData(nameof(Differences))]
    public void DifferencesOnCuda_AreAsCloseToFloat32AsTheReference(string name)
    {
        Assert.SkipUnless(CudaTestBase.HasDevice, "There is no CUDA device.");
        Assert.SkipWhen(name is "capped scores" or "Gemma 2", "Capped scores have no kernel on CUDA.");
        var options = new LoraOptions { TargetModules = TargetModules.AllLinear };
        RequireAsClose(InBFloat16(name), options, CudaTestBase.Device, QuantizationSettings.None);
        RequireAsClose(
            InBFloat16(name), options, CudaTestBase.Device, new QuantizationSettings(QuantizationKind.Nf4, true),
            checkpointing: true);
    }

    /// <summary>What a plan counts is what a pass takes, whatever its layers are made of.</summary>
    [Theory]
    [MemberData(nameof(Differences))]
    public void BuffersOfDifferences_AreCounted(string name)
    {
        const int tokens = 64;
        using var model = Model(With(name, Shape()), ScalarType.BFloat16, QuantizationSettings.None);
        Adapter.Create(model, new LoraOptions { TargetModules = TargetModules.AllLinear }, seed: 2);
        using var gradients = new Lorikeet.Models.Passes.Gradients(model.Trainable);
        foreach (var checkpointing in (Checkpointing[])[Checkpointing.None, Checkpointing.Full])
        {
            using var pass = new OptimizedPass(model, OptimizedSupport.Kernels(model), checkpointing);
            var bytes = pass.BytesFor(new BatchShape(tokens, 1, tokens), free: null);
            pass.Run(Rows([tokens], model.Config.VocabularySize), 1, default);
            var rotations = name is "Gemma 3" or "rotations of layers" ? 2 : 1;
            var perToken = rotations * 2L * model.Config.RotarySize * sizeof(ushort) + 4 * sizeof(long);
            Assert.Equal(pass.HeldBytes, bytes.Total - bytes.Attention - tokens * perToken);
        }
    }

    [Fact]
    public void CappedScores_AreRefusedOnCudaByName()
    {
        using var model = Model(With("capped scores", Shape()), ScalarType.BFloat16, QuantizationSettings.None);
        Adapter.Create(model, new LoraOptions(), seed: 1);
        Assert.Null(OptimizedSupport.WhyUnsupportedOn(model, CPU));
        Assert.Equal(
            "attention scores are capped, for which CUDA has no kernel",
            OptimizedSupport.WhyUnsupportedOn(model, CudaTestBase.Device));
    }

    /// <summary>
    /// A token goes through all experts: rounding would choose others here and there, and each choice counts far more
    /// than rounding.
    /// </summary>
    private static ModelConfig InBFloat16(string name)
    {
        var shape = With(name, BFloat16Shape);
        return shape.Experts is { } experts
            ? shape with { Experts = experts with { PerToken = experts.Count } }
            : shape;
    }

    internal static ModelConfig With(string name, ModelConfig shape)
    {
        LayerSettings[] Layers(Func<int, LayerSettings, LayerSettings> change) =>
            [.. Enumerable.Range(0, shape.LayerCount).Select(layer => change(layer, shape.Layer(layer)))];

        var gemma = shape with
        {
            NormPlacement = NormPlacement.BeforeAndAfter,
            NormWeighting = NormWeighting.OnePlusBeforeRounding,
            Names = new LayerNames { FeedForwardNorm = "pre_feedforward_layernorm" },
            Activation = GateActivation.GeluTanh,
            EmbeddingScale = Math.Sqrt(shape.HiddenSize),
            RoundsEmbeddingScale = true,
            AttentionScale = 0.2,
        };
        var experts = new ExpertSettings(Count: 5, PerToken: 2, IntermediateSize: 24, NormalisesWeights: true);
        return name switch
        {
            "norms after blocks" => shape with { NormPlacement = NormPlacement.After },
            "norms before and after" =>
                shape with { NormPlacement = NormPlacement.BeforeAndAfter, Names = gemma.Names },
            "norms of whole width" => shape with { QueryKeyNorm = QueryKeyNorm.WholeWidth },
            "weights of norms" => shape with { NormWeighting = NormWeighting.BeforeRounding },
            "one plus weights" => shape with
            {
                NormWeighting = NormWeighting.OnePlusBeforeRounding,
                QueryKeyNorm = QueryKeyNorm.PerHead,
            },
            "GELU" => shape with { Activation = GateActivation.GeluTanh },
            "fused projections" => shape with { FusedProjections = true },
            "scale of attention" => shape with { AttentionScale = 0.4 },
            "capped scores" => shape with { AttentionSoftCap = 0.8, SlidingWindow = 13 },
            "capped logits" => shape with { LogitSoftCap = 0.7 },
            "scaled embeddings" => shape with { EmbeddingScale = 3 },
            "scaled residuals" => shape with { ResidualScale = 0.3 },
            "divided logits" => shape with { LogitDivisor = 1.7 },
            "part of heads rotated" => shape with { RotarySize = shape.HeadSize * 3 / 4 / 2 * 2 },
            "windows of layers" => shape.With(
                Layers((layer, settings) => settings with { Window = layer == 1 ? null : 9 })),
            "rotations of layers" => shape.With(Layers((layer, settings) =>
                settings with { Rope = layer == 1 ? settings.Rope! with { Theta = 100 } : settings.Rope })),
            "layers without rotation" => shape.With(Layers((layer, settings) =>
                settings with { Rope = layer == 1 ? null : settings.Rope })),
            "normalised heads without rotation" => (shape with { QueryKeyNorm = QueryKeyNorm.PerHead }).With(
                Layers((layer, settings) => settings with { Rope = layer == 1 ? null : settings.Rope })),
            "Gemma 2" => (gemma with { AttentionSoftCap = 0.8, LogitSoftCap = 0.7 }).With(
                Layers((layer, settings) => settings with { Window = layer % 2 == 0 ? 9 : null })),
            "Gemma 3" => (gemma with { QueryKeyNorm = QueryKeyNorm.PerHead }).With(Layers((layer, settings) =>
                layer == 1
                    ? settings with { Rope = settings.Rope! with { Theta = 1e6 } }
                    : settings with { Window = 9 })),
            "OLMo 2" => shape with
            {
                NormPlacement = NormPlacement.After,
                NormWeighting = NormWeighting.BeforeRounding,
                QueryKeyNorm = QueryKeyNorm.WholeWidth,
            },
            "Granite" => shape with { EmbeddingScale = 3, ResidualScale = 0.5, LogitDivisor = 2, AttentionScale = 0.2 },
            "Phi 4" => shape with { FusedProjections = true, RotarySize = shape.HeadSize * 3 / 4 / 2 * 2 },
            "mixture of experts" => shape with { Experts = experts },
            "experts in some layers" => (shape with { Experts = experts, QueryKeyNorm = QueryKeyNorm.PerHead }).With(
                Layers((layer, settings) => settings with { HasExperts = layer == 1 })),
            _ => throw new ArgumentException($"No difference is called '{name}'.", nameof(name)),
        };
    }
}
