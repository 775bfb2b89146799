using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Whole continuations with the optimized step and without.</summary>
public class CudaGenerationTests : CudaTestBase
{
    // bfloat16 keeps 8 bits, and errors of two layers and a head add up.
    private const double NearTie = 0.02;

    [Fact]
    public void Continuations_AreThoseOfTheReference()
    {
        // Weights wide enough that the most likely token leads by more than noise; rows end at different times, and the
        // cache is compacted under way.
        var config = new ModelConfig
        {
            ModelType = "llama",
            VocabularySize = 64,
            HiddenSize = 256,
            IntermediateSize = 512,
            LayerCount = 2,
            HeadCount = 4,
            KeyValueHeadCount = 2,
            HeadSize = 64,
            NormEpsilon = 1e-5,
            Rope = new RopeSettings(),
            MaxPositions = 256,
            Source = [],
        };
        using var model = ModelFactory.Create(
            config, new LoadSettings(ScalarType.BFloat16, Device, QuantizationSettings.None), seed: 11, deviation: 0.15);
        int[][] prompts = [[5], [7, 8, 9], [1, 2, 3, 4, 5, 6], [60, 20], [33, 34, 35, 36]];
        var options = new GenerationOptions { MaxNewTokens = 24, EndTokens = [0, 1, 2, 3, 4, 5] };
        var fast = new TextGenerator(model, null).Generate(prompts, options);
        var slow = new TextGenerator(model, null).Generate(prompts, options with { Optimized = false });
        foreach (var ((prompt, actual), expected) in prompts.Zip(fast.Continuations).Zip(slow.Continuations))
            RequireSameChoices(model, prompt, expected.OutputIds, actual.OutputIds);
    }

    /// <summary>Continuations may part only where the reference hardly prefers its own token: rounding decides there.</summary>
    private static void RequireSameChoices(
        DecoderModel model, int[] prompt, IReadOnlyList<int> expected, IReadOnlyList<int> actual)
    {
        var same = expected.Zip(actual).TakeWhile(pair => pair.First == pair.Second).Count();
        if (same == expected.Count && same == actual.Count)
            return;
        Assert.True(same < Math.Min(expected.Count, actual.Count), "One continuation is the beginning of the other.");
        int[] read = [.. prompt, .. expected.Take(same)];
        using var logits = model.Forward(read, [0, read.Length]);
        using var last = logits[^1].cpu();
        var values = last.data<float>().ToArray();
        var (lead, spread) = (values[expected[same]] - values[actual[same]], values.Max() - values.Min());
        Assert.True(
            Math.Abs(lead) <= NearTie * spread,
            $"After {same} tokens the reference prefers {expected[same]} to {actual[same]} by {lead}; logits span {spread}.");
    }
}
