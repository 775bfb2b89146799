using Lorikeet.Formats.Safetensors;
using Lorikeet.Models;
using Lorikeet.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Models;

public class StoriesParityTests
{
    [Fact]
    public void Logits_OfATrainedModel_EqualTransformers()
    {
        var settings = new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None);
        using var model = ModelLoader.Load(TestAssets.Asset("models", "stories260K"), settings);
        using var golden = SafetensorsFile.Open(TestAssets.Golden("stories260K", "stories260K_expected.safetensors"));
        var ids = TensorAssert.Ids(golden, "input_ids");
        using var expected = TensorAssert.Read(golden, "logits");
        using var actual = model.Forward(ids, [0, ids.Length]);
        TensorAssert.Close(expected.squeeze(0), actual, 1e-4, "logits");
    }
}
