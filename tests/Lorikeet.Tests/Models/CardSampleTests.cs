using Lorikeet.Data.Prompts;
using Lorikeet.Models;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Models;

public sealed class CardSampleTests
{
    [Fact]
    public void SampleOfAModelCard_EndsItsAnswers()
    {
        // The calls of the sample in C# that model cards show, on the embedded model.
        using var model = LoadedModel.Load(
            new ModelOptions { Model = Path.Combine(TestAssets.Root, "assets", "nano-base"), TorchDtype = ComputeType.Float32 },
            new QuantizationOptions());
        var ids = new TextEncoder(model.Tokenizer!).EncodePrompt("The element terbium");
        var options = model.GenerationDefaults;

        Assert.NotEmpty(options.EndTokens);
        var answer = new TextGenerator(model.Decoder, model.Tokenizer).Generate([ids], options with { MaxNewTokens = 4 });
        Assert.False(string.IsNullOrEmpty(answer.Continuations[0].Text));
    }
}
