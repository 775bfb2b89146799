using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Lora;

/// <summary>
/// What is trained takes the memory of its own tensors; nothing made on the way waits for the garbage collector.
/// </summary>
public sealed class UnfreezingTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Unfreezing_KeepsOneCopyOfEachWeight(ScalarType type)
    {
        using var model = Load(type);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        model.UnfreezeAll();

        // The embedding, norms and biases replace what was frozen; projections keep their frozen weight beside the
        // copy.
        var copies = model.AllProjections.Count(projection => projection.TrainedWeight is not null);
        Assert.True(copies > 0);
        Assert.Equal(copies, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Adapter_KeepsOneCopyOfWhatItTrains(ScalarType type)
    {
        using var model = Load(type);
        var options = new LoraOptions { Rank = 2, Bias = LoraBias.All, ModulesToSave = ["lm_head", "q_proj", "norm"] };
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        Adapter.Create(model, options, seed: 1);

        Assert.Contains(model.Trainable, parameter => parameter.Name.Contains("lm_head", StringComparison.Ordinal));
        Assert.Equal(model.Trainable.Count, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
    }

    private static DecoderModel Load(ScalarType type) =>
        ModelLoader.Load(TestAssets.Golden("models", "gqa"), new LoadSettings(type, CPU, QuantizationSettings.None));
}
