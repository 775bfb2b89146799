using Lorikeet.Generation;
using Lorikeet.Models;
using Lorikeet.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Whole continuations with the optimized step and without.</summary>
public class CudaGenerationTests : CudaTestBase
{
    [Fact]
    public void Continuations_AreThoseOfTheReference()
    {
        // Weights wide enough that the most likely token leads by more than noise; rows end at different times, and the
        // cache is compacted under way.
        var config = new ModelConfig
        {
            ModelType = "llama", VocabularySize = 64, HiddenSize = 256, IntermediateSize = 512, LayerCount = 2, HeadCount = 4,
            KeyValueHeadCount = 2, HeadSize = 64, NormEpsilon = 1e-5, Rope = new RopeSettings(), MaxPositions = 256, Source = [],
        };
        using var model = ModelFactory.Create(
            config, new LoadSettings(ScalarType.BFloat16, Device, QuantizationSettings.None), seed: 11, deviation: 0.15);
        int[][] prompts = [[5], [7, 8, 9], [1, 2, 3, 4, 5, 6], [60, 20], [33, 34, 35, 36]];
        var options = new GenerationOptions { MaxNewTokens = 24, EndTokens = [0, 1, 2, 3, 4, 5] };
        var fast = new TextGenerator(model, null).Generate(prompts, options);
        var slow = new TextGenerator(model, null).Generate(prompts, options with { Optimized = false });
        var equal = fast.Continuations.Zip(slow.Continuations).Count(pair => pair.First.OutputIds.SequenceEqual(pair.Second.OutputIds));
        Assert.True(equal >= prompts.Length - 1, $"Only {equal} of {prompts.Length} continuations are the reference's.");
    }
}
