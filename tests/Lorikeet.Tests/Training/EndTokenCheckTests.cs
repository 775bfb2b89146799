using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using Lorikeet.Training.Loop;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Training;

/// <summary>Models that were, or were never, shown their end token.</summary>
public sealed class EndTokenCheckTests
{
    [Fact]
    public void ModelThatNeverMetItsEndToken_IsReportedUnlessItsHeadIsTrained()
    {
        using var model = Load(TestAssets.Asset("models", "stories260K"));
        var tokenizer = ModelFolder.Open(model.Folder!).Tokenizer;
        Assert.Contains("cannot tell it from 168 other tokens", EndTokenCheck.Warning(model, tokenizer));

        Adapter.Create(model, new LoraOptions { ModulesToSave = ["lm_head"] }, seed: 1);
        Assert.Null(EndTokenCheck.Warning(model, tokenizer));
    }

    [Fact]
    public void ModelThatWasTrainedWithIt_IsNot()
    {
        using var model = Load(Path.Combine(TestAssets.Root, "assets", "nano-base"));
        Assert.Null(EndTokenCheck.Warning(model, ModelFolder.Open(model.Folder!).Tokenizer));
    }

    private static DecoderModel Load(string folder) =>
        ModelLoader.Load(folder, new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
}
