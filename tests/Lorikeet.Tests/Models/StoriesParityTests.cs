using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Quantization;
using Lorikeet.Models.Verification;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Models;

public class StoriesParityTests
{
    [Fact]
    public void LogitsAndStory_OfATrainedModel_EqualTransformers()
    {
        var settings = new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None);
        var folder = TestAssets.Asset("models", "stories260K");
        using var model = ModelLoader.Load(folder, settings);
        using var golden = SafetensorsFile.Open(TestAssets.Golden("stories260K", "stories260K_expected.safetensors"));
        var result = new ModelVerifier(model, folder) { Tolerance = 1e-4 }.Compare(golden);
        Assert.True(result.Passed, string.Join('\n', result.Tensors));
        Assert.Equal(["greedy", "logits"], result.Tensors.Select(tensor => tensor.Name));
        Compatibility.RecordNear(
            "Models", "stories260K (trained): logits, and a story token for token", "transformers 5.17.0",
            $"{result.Tensors.Sum(tensor => tensor.Compared):N0} values", result.Tensors[1].Difference);
    }
}
