using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Quantization;

/// <summary>Checkpoints that transformers and bitsandbytes saved quantized.</summary>
public sealed class StoredQuantizationTests : IDisposable
{
    private readonly SafetensorsFile _dense = SafetensorsFile.Open(
        TestAssets.Golden("models", "gqa", "model.safetensors"));

    public void Dispose() => _dense.Dispose();

    [Theory]
    [InlineData("gqa_bnb_nf4", QuantizationKind.Nf4, ScalarType.Float32)]
    [InlineData("gqa_bnb_int8", QuantizationKind.Int8, ScalarType.Float16)]
    public void Freeze_GivesEveryTensorOfTheReference(string model, QuantizationKind kind, ScalarType type)
    {
        using var stored = SafetensorsFile.Open(TestAssets.Golden("models", model, "model.safetensors"));
        var settings = new QuantizationSettings(kind, DoubleQuantization: true);
        foreach (var name in Projections())
        {
            using var weight = settings.Freeze(name, TensorFile.Read(_dense, name), type);
            AssertStoredEqual(stored, name, weight);
        }
    }

    [Theory]
    [InlineData("gqa_bnb_nf4", 21 * 6)]
    [InlineData("gqa_bnb_int8", 21 * 3)]
    public void Read_ThenWrite_KeepsEveryByte(string model, int tensors)
    {
        using var stored = SafetensorsFile.Open(TestAssets.Golden("models", model, "model.safetensors"));
        var written = 0;
        foreach (var name in Projections())
        {
            using var weight = StoredQuantization.Read(stored, name, CPU)!;
            Assert.Equal(_dense.Require(name).Shape, new[] { weight.Rows, weight.Columns });
            written += AssertStoredEqual(stored, name, weight);
        }

        Assert.Equal(tensors, written);
    }

    [Fact]
    public void Read_SaysThatADenseWeightIsDense()
    {
        using var stored = SafetensorsFile.Open(TestAssets.Golden("models", "gqa_bnb_nf4", "model.safetensors"));
        Assert.Null(StoredQuantization.Read(stored, "lm_head.weight", CPU));
    }

    [Theory]
    [InlineData("{\"blocksize\": 64}", "shape")]
    [InlineData(
        "{\"quant_type\": \"nf4\", \"blocksize\": 64, \"dtype\": \"int4\", \"shape\": [2, 32]}",
        "'dtype' is \"int4\". Expected float32, float16 or bfloat16")]
    [InlineData(
        "{\"quant_type\": \"nf4\", \"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [4, 32]}",
        "32 bytes and 1 scales")]
    [InlineData("not JSON", "the word 'not' is no JSON")]
    [InlineData(
        "{\"blocksize\": 0, \"dtype\": \"float32\", \"shape\": [2, 32]}",
        "'blocksize' is 0. Expected a whole number from 32")]
    [InlineData("{\"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [64]}", "'shape' is [64]. Expected two sizes")]
    [InlineData(
        "{\"blocksize\": 64, \"dtype\": \"float32\", \"shape\": [2, 32], \"nested_offset\": NaN}",
        "'nested_blocksize' is missing")]
    public void Read_RefusesAStateThatDoesNotFit(string state, string said)
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder["x"],
        [
            TensorToWrite.FromArray("w.weight", SafetensorsType.U8, [32, 1], new byte[32]),
            TensorToWrite.FromArray("w.weight.absmax", SafetensorsType.F32, [1], [1f]),
            TensorToWrite.FromArray("w.weight.quant_state.bitsandbytes__nf4", SafetensorsType.U8, [state.Length],
                System.Text.Encoding.UTF8.GetBytes(state)),
        ]);
        using var file = SafetensorsFile.Open(folder["x"]);
        Assert.Contains(
            said, Assert.Throws<CheckpointException>(() => StoredQuantization.Read(file, "w.weight", CPU)).Message);
    }

    [Fact]
    public void Read_TakesCodesThatAreDeclaredBFloat16()
    {
        using var folder = new TemporaryFolder();
        using var dense = TensorArithmetic.Range(64, ScalarType.Float32, CPU).view(2, 32);
        using var weight = FourBitWeight.Quantize(
            dense, Lorikeet.Models.Quantization.FourBitType.Fp4, doubleQuantization: false);
        var bytes = TensorMemory.Span<byte>(weight.Packed).ToArray();
        var entries = StoredQuantization.Write("w.weight", weight).Skip(1).ToList();
        TensorFile.Write(folder["y"], entries);
        using (var rest = SafetensorsFile.Open(folder["y"]))
        {
            SafetensorsWriter.Write(folder["x"], rest.Tensors.Keys.Select(name => TensorToWrite.FromSource(rest, name))
                .Append(new TensorToWrite("w.weight", SafetensorsType.BF16, [16, 1], stream => stream.Write(bytes))));
        }

        using var file = SafetensorsFile.Open(folder["x"]);
        using var read = StoredQuantization.Read(file, "w.weight", CPU)!;
        using var expected = weight.Materialize(ScalarType.Float32);
        using var actual = read.Materialize(ScalarType.Float32);
        Assert.Equal(TensorMemory.Span<float>(expected).ToArray(), TensorMemory.Span<float>(actual).ToArray());
    }

    [Theory]
    [InlineData("lm_head", "model.layers.0.mlp.up_proj", false)]
    [InlineData("up_proj", "model.layers.0.mlp.up_proj", true)]
    [InlineData("model.layers.1", "model.layers.1.mlp.up_proj", true)]
    [InlineData(@"model\.layers\.(0|2)\.", "model.layers.2.mlp.up_proj", true)]
    [InlineData("mlp", "model.layers.0.mlp.up_proj", false)]
    public void Freeze_LeavesSkippedModulesDense(string skipped, string module, bool dense)
    {
        var settings = new QuantizationSettings(QuantizationKind.Nf4, SkippedModules: [skipped]);
        using var weight = settings.Freeze(module, ones(2, 32), ScalarType.Float32);
        Assert.Equal(dense, weight is DenseWeight);
    }

    private IEnumerable<string> Projections() =>
        _dense.Tensors.Keys.Where(name => name.EndsWith("_proj.weight", StringComparison.Ordinal));

    private static unsafe int AssertStoredEqual(SafetensorsFile stored, string name, FrozenWeight weight)
    {
        var written = 0;
        foreach (var (part, value) in StoredQuantization.Write(name, weight))
        {
            using (value)
            {
                var entry = stored.Require(part);
                Assert.Equal(entry.Shape, value.shape);
                Assert.Equal(entry.Type, TensorFile.ToStored(value.dtype));
                var expected = new ReadOnlySpan<byte>(stored.Pointer(part), (int)entry.ByteCount);
                var actual = new ReadOnlySpan<byte>(TensorMemory.Pointer(value), (int)entry.ByteCount);
                Assert.True(expected.SequenceEqual(actual), part);
            }

            written++;
        }

        return written;
    }
}
