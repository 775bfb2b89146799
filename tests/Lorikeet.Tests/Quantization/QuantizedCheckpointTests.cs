using System.Text.Json.Nodes;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Jobs;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Quantization;

public sealed class QuantizedCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gqa_bnb_nf4", false, ComputeType.Float32)]
    [InlineData("gqa_bnb_int8", true, ComputeType.Float16)]
    public unsafe void Folder_EqualsThatOfTransformers(string reference, bool eightBit, ComputeType type)
    {
        Quantize(new QuantizationOptions { LoadIn8Bit = eightBit }, type);
        using var expected = ModelWeights.Open(TestAssets.Golden("models", reference));
        using var actual = ModelWeights.Open(_folder["out"]);
        Assert.Equal(expected.Tensors.Keys.Order(), actual.Tensors.Keys.Order());
        foreach (var (name, entry) in expected.Tensors)
        {
            Assert.Equal(entry.Type, actual.Tensors[name].Type);
            Assert.Equal(entry.Shape, actual.Tensors[name].Shape);
            var length = (int)entry.ByteCount;
            Assert.True(new ReadOnlySpan<byte>(expected.Pointer(name), length)
                .SequenceEqual(new ReadOnlySpan<byte>(actual.Pointer(name), length)), name);
        }

        // As text: a reader in Python takes 6 and 6.0 for different things.
        Assert.Equal(
            Config(TestAssets.Golden("models", reference))!.ToJsonString(), Config(_folder["out"])!.ToJsonString());
        JsonKinds.AssertSame(Whole(TestAssets.Golden("models", reference)), Whole(_folder["out"]));
    }

    [Theory]
    [InlineData(FourBitType.Nf4, true)]
    [InlineData(FourBitType.Fp4, false)]
    public void Folder_LoadsAsTheModelThatIsQuantizedOnLoading(FourBitType type, bool nested)
    {
        var options = new QuantizationOptions
        {
            LoadIn4Bit = true,
            QuantType = type,
            DoubleQuant = nested,
            SkipModules = ["down_proj"],
        };
        Quantize(options, ComputeType.Auto);
        using var expected = Logits(Source, QuantizationSettings.From(options));
        using var actual = Logits(_folder["out"], QuantizationSettings.None);
        TensorAssert.Close(expected, actual, 1e-5, "logits");
    }

    [Fact]
    public void ModelThatIsQuantizedAlready_IsRefused()
    {
        var options = new QuantizeOptions
        {
            Checkpoint = new() { Model = TestAssets.Golden("models", "gqa_bnb_nf4"), Output = _folder["out"] },
        };
        Assert.Contains(
            "quantized already", Assert.Throws<CheckpointException>(() => QuantizeJob.Run(options)).Message);
    }

    [Fact]
    public void Fp8_IsRefusedForCheckpoints_AndOfThem()
    {
        var options = new QuantizeOptions
        {
            Checkpoint = new() { Model = Source, Output = _folder["out"] },
            Quantization = new() { Fp8 = true },
        };
        Assert.Contains(
            "which has no checkpoints", Assert.Throws<ConfigurationException>(() => QuantizeJob.Run(options)).Message);
        Assert.False(Directory.Exists(_folder["out"]));

        var settings = new LoadSettings(ScalarType.Float32, CPU, new QuantizationSettings(QuantizationKind.Fp8));
        var fault = Assert.Throws<ConfigurationException>(
            () => ModelLoader.Load(TestAssets.Golden("models", "gqa_bnb_nf4"), settings));
        Assert.Contains("q_proj' is stored as nf4", fault.Message);
    }

    private static string Source => TestAssets.Golden("models", "gqa");

    private void Quantize(QuantizationOptions options, ComputeType type) => QuantizeJob.Run(new QuantizeOptions
    {
        Checkpoint = new() { Model = Source, Output = _folder["out"], Type = type },
        Quantization = options,
    });

    private static JsonNode? Config(string folder) => Whole(folder)["quantization_config"];

    private static JsonNode Whole(string folder) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;

    private static Tensor Logits(string folder, QuantizationSettings quantization)
    {
        using var model = ModelLoader.Load(folder, new LoadSettings(ScalarType.Float32, CPU, quantization));
        return model.Forward([1, 5, 9, 200, 44, 17], [0, 6]);
    }
}
