using Lorikeet.Formats.Safetensors;
using Lorikeet.Models;
using Lorikeet.Native;
using Lorikeet.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Quantization;

/// <summary>Whole models over quantized weights.</summary>
public sealed class QuantizedModelTests : IDisposable
{
    private readonly TorchSharp.DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData("gqa_bnb_nf4", QuantizationKind.None)] // read quantized
    [InlineData("gqa", QuantizationKind.Nf4)] // quantized here
    public void Logits_EqualTransformersWithBitsAndBytes(string model, QuantizationKind kind)
    {
        var (ids, expected) = Golden("gqa_bnb_nf4");
        TensorAssert.Close(expected, Logits(model, kind, ids), 1e-4, model);
    }

    [Fact]
    public void Logits_OfInt8_AreNearerToTheOriginalThanTheReferences()
    {
        var (ids, reference) = Golden("gqa_bnb_int8");
        var original = Logits("gqa", QuantizationKind.None, ids);
        var read = Logits("gqa_bnb_int8", QuantizationKind.None, ids);
        var (ours, theirs) = (MeanDifference(read, original), MeanDifference(reference, original));
        Assert.True(ours < 0.9 * theirs, $"{ours} and {theirs}");
        TensorAssert.Close(read, Logits("gqa", QuantizationKind.Int8, ids), 1e-2, "read and quantized here");
    }

    /// <summary>Two rows of ids end to end, and the logits after each token.</summary>
    private static (int[] Ids, Tensor Logits) Golden(string model)
    {
        using var file = SafetensorsFile.Open(TestAssets.Golden("models", model, "expected.safetensors"));
        return (TensorAssert.Ids(file, "input_ids"), TensorMemory.Read(file, "logits").flatten(0, 1));
    }

    private static Tensor Logits(string model, QuantizationKind kind, int[] ids)
    {
        var settings = new QuantizationSettings(kind, DoubleQuantization: true);
        using var loaded = ModelLoader.Load(
            TestAssets.Golden("models", model), new LoadSettings(ScalarType.Float32, CPU, settings));
        return loaded.Forward(ids, [0, ids.Length / 2, ids.Length]);
    }

    private static double MeanDifference(Tensor left, Tensor right) => (left - right).abs().mean().item<float>();
}
