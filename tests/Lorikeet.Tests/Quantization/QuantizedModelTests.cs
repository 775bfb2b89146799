using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
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
        var actual = Logits(model, kind, ids);
        TensorAssert.Close(expected, actual, 1e-4, model);
        Compatibility.RecordNear(
            "Quantization",
            kind == QuantizationKind.None ? "a stored NF4 checkpoint: logits" : "NF4 made at loading: logits",
            "transformers 5.17.0, bitsandbytes 0.50.2", $"{expected.NumberOfElements:N0} logits",
            (expected - actual).abs().max().item<float>());
    }

    /// <summary>
    /// The reference computed in float16 on a GPU. An activation that falls just on the other side between two of 255
    /// codes moves the logits, so no two machines are equal; but they are nearer to each other than to the original.
    /// </summary>
    [Theory]
    [InlineData("gqa_bnb_int8", QuantizationKind.None, ScalarType.Float32, 0.8)] // read quantized
    [InlineData("gqa", QuantizationKind.Int8, ScalarType.Float32, 0.8)] // quantized here
    [InlineData("gqa_bnb_int8", QuantizationKind.None, ScalarType.Float16, 0.5)]
    [InlineData("gqa", QuantizationKind.Int8, ScalarType.Float16, 0.5)]
    public void Logits_OfInt8_AreNearerToTheReferenceThanItsOriginalIs(
        string model, QuantizationKind kind, ScalarType type, double share)
    {
        var (ids, reference) = Golden("gqa_bnb_int8");
        var original = Logits("gqa", QuantizationKind.None, ids);
        var actual = Logits(model, kind, ids, type);
        var (ours, theirs) = (MeanDifference(actual, reference), MeanDifference(original, reference));
        Assert.True(ours < share * theirs, $"{ours} and {theirs}");
        var allowed = (original - reference).abs().max().item<float>();
        TensorAssert.Close(reference, actual, allowed, model);
        Compatibility.RecordNear(
            "Quantization",
            $"{(kind == QuantizationKind.None ? "a stored int8 checkpoint" : "int8 made at loading")} in " +
            $"{type.ToString().ToLowerInvariant()}: "
            + $"logits (the reference is {allowed:G2} from its own float32)",
            "transformers 5.17.0, bitsandbytes 0.50.2 on an H200", $"{reference.NumberOfElements:N0} logits",
            (reference - actual).abs().max().item<float>());
    }

    /// <summary>Two rows of ids end to end, and the logits after each token.</summary>
    private static (int[] Ids, Tensor Logits) Golden(string model)
    {
        using var file = SafetensorsFile.Open(TestAssets.Golden("models", model, "expected.safetensors"));
        return (TensorAssert.Ids(file, "input_ids"), TensorFile.Read(file, "logits").flatten(0, 1));
    }

    private static Tensor Logits(string model, QuantizationKind kind, int[] ids, ScalarType type = ScalarType.Float32)
    {
        var settings = new QuantizationSettings(kind, DoubleQuantization: true);
        using var loaded = ModelLoader.Load(
            TestAssets.Golden("models", model), new LoadSettings(type, CPU, settings));
        return loaded.Forward(ids, [0, ids.Length / 2, ids.Length]);
    }

    private static double MeanDifference(Tensor left, Tensor right) => (left - right).abs().mean().item<float>();
}
