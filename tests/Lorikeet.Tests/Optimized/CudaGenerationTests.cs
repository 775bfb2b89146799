using Lorikeet.Models.Generation;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Whole continuations with the optimized step and without.</summary>
public class CudaGenerationTests : CudaTestBase
{
    [Fact]
    public void Continuations_AreThoseOfTheReference()
    {
        // Rows end at different times.
        using var model = NearTies.Model(ScalarType.BFloat16, Device);
        int[][] prompts = [[5], [7, 8, 9], [1, 2, 3, 4, 5, 6], [60, 20], [33, 34, 35, 36]];
        var options = new GenerationOptions { MaxNewTokens = 24, EndTokens = [0, 1, 2, 3, 4, 5] };
        var fast = new TextGenerator(model, null).Generate(prompts, options);
        var slow = new TextGenerator(model, null).Generate(prompts, options with { Optimized = false });
        foreach (var ((prompt, actual), expected) in prompts.Zip(fast.Continuations).Zip(slow.Continuations))
            NearTies.RequireSameChoices(model, null, prompt, expected.OutputIds, actual.OutputIds);
    }
}
