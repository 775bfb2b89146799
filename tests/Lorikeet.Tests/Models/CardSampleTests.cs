using Lorikeet.Models.Native;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Models;

public sealed class CardSampleTests
{
    [Fact]
    public void SampleOfAModelCard_Answers()
    {
        // The calls of the sample in C# that model cards show, on the embedded model.
        using var model = LanguageModel.Load(
            Path.Combine(TestAssets.Root, "assets", "nano-base"),
            new() { ComputeType = ComputeType.Float32, Device = "cpu" });

        Assert.NotEmpty(model.GenerationDefaults.EndTokens);
        Assert.NotEmpty(model.Answer("What is the atomic number of terbium?"));
    }
}
