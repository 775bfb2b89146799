using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using Lorikeet.Tests.Native;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>What reaches the device through the ring of pinned memory is what lies in the file.</summary>
public class CudaLoadTests : CudaTestBase
{
    private readonly TemporaryFolder _folder = new();

    public override void Dispose()
    {
        base.Dispose();
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Read_GivesWhatWasWritten_HoweverManySlicesItTakes()
    {
        var expected = SlicedTensors.Write(_folder["model.safetensors"]);
        using var source = SafetensorsFile.Open(_folder["model.safetensors"]);
        var clock = new LoadClock();
        List<Tensor> read = [];
        using (var reader = new TensorReader(source, Device, clock))
        {
            // More than the ring holds, so that every slot is used again.
            for (var round = 0; round < 8; round++)
                read.AddRange(expected.Select(tensor => reader.Read(tensor.Name)));
        }

        for (var i = 0; i < read.Count; i++)
        {
            var (name, bytes) = expected[i % expected.Count];
            using var local = read[i].cpu();
            Assert.True(bytes.AsSpan().SequenceEqual(TensorMemory.Span<byte>(local)), name);
        }

        Assert.True(clock.Seconds(LoadStage.Copy) > 0, "No copy was timed.");
    }

    [Fact]
    public void Read_SaysSo_WhenTheFileBecameShorter()
    {
        SlicedTensors.Write(_folder["model.safetensors"]);
        using var source = SafetensorsFile.Open(_folder["model.safetensors"]);
        using var reader = new TensorReader(source, Device);
        using (var file = new FileStream(
            _folder["model.safetensors"], FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(file.Length - 1);
        Assert.Contains("cut short", Assert.Throws<CheckpointException>(() => reader.Read(SlicedTensors.Last)).Message);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32, ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16, ScalarType.BFloat16)]
    [InlineData(ScalarType.BFloat16, ScalarType.Float32)]
    public void Load_EqualsTheCpus_HoweverItIsStored(ScalarType stored, ScalarType compute)
    {
        Save(stored);
        foreach (var kind in Enum.GetValues<QuantizationKind>())
        {
            var quantization = new QuantizationSettings(kind, DoubleQuantization: true);
            var settings = new LoadSettings(compute, CPU, quantization);
            using var expected = ModelLoader.Load(_folder.Path, settings);
            using var actual = ModelLoader.Load(_folder.Path, settings with { Device = Device });
            Equal(expected.Embedding, actual.Embedding);
            foreach (var (wanted, given) in Projections(expected).Zip(Projections(actual)))
            {
                Assert.Equal(wanted.Weight.Format, given.Weight.Format);
                if (wanted.Weight is FourBitWeight codes)
                    Equal(codes.Packed, ((FourBitWeight)given.Weight).Packed);
                using var dense = wanted.Weight.Materialize(compute);
                using var onDevice = given.Weight.Materialize(compute);
                Equal(dense, onDevice);
            }
        }
    }

    [Theory]
    [InlineData("gqa_sharded")]
    [InlineData("gqa_bnb_nf4")]
    [InlineData("gqa_bnb_int8")]
    [InlineData("mqa_tied_bias")]
    public void Load_EqualsTheCpus_OfStoredModels(string name)
    {
        var folder = TestAssets.Golden("models", name);
        var settings = new LoadSettings(ScalarType.BFloat16, CPU, QuantizationSettings.None);
        using var expected = ModelLoader.Load(folder, settings);
        using var actual = ModelLoader.Load(folder, settings with { Device = Device });
        foreach (var (wanted, given) in Projections(expected).Zip(Projections(actual)))
        {
            using var dense = wanted.Weight.Materialize(ScalarType.BFloat16);
            using var onDevice = given.Weight.Materialize(ScalarType.BFloat16);
            Equal(dense, onDevice);
            if (wanted.Bias is not null)
                Equal(wanted.Bias, given.Bias!);
        }
    }

    /// <summary>A model whose matrices take several slices.</summary>
    private void Save(ScalarType type)
    {
        var source = ModelConfigFile.Load(TestAssets.Golden("models", "gqa")).Source;
        foreach (var (key, value) in (ReadOnlySpan<(string, int)>)[
            ("hidden_size", 1024), ("intermediate_size", 2816), ("num_hidden_layers", 2), ("num_attention_heads", 16),
            ("num_key_value_heads", 4), ("head_dim", 64)])
        {
            source[key] = value;
        }

        var shape = ModelConfigReader.Read(source, "test");
        var settings = new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None);
        using var model = ModelFactory.Create(shape, settings, seed: 3);
        ModelWriter.Save(model, _folder.Path, type);
    }

    private static IEnumerable<Projection> Projections(DecoderModel model) => model.LayerProjections.Append(model.Head);

    private static void Equal(Tensor expected, Tensor actual)
    {
        using var local = actual.cpu();
        Assert.Equal((expected.dtype, expected.NumberOfElements), (local.dtype, local.NumberOfElements));
        Assert.True(expected.equal(local).all().item<bool>());
    }
}
