using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Native;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Native;

public sealed class TensorReaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_GivesWhatWasWritten_HoweverManySlicesItTakes()
    {
        var expected = SlicedTensors.Write(_folder["model.safetensors"]);
        using var source = SafetensorsFile.Open(_folder["model.safetensors"]);
        using var reader = new TensorReader(source, CPU);
        foreach (var (name, bytes) in expected)
        {
            using var read = reader.Read(name);
            Assert.Equal(source.Require(name).Shape, read.shape);
            Assert.True(bytes.AsSpan().SequenceEqual(TensorMemory.Span<byte>(read)), name);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Read_SaysSo_WhenTheFileBecameShorter(int missingSlices)
    {
        SlicedTensors.Write(_folder["model.safetensors"]);
        using var source = SafetensorsFile.Open(_folder["model.safetensors"]);
        using var reader = new TensorReader(source, CPU);
        using (var file = new FileStream(
            _folder["model.safetensors"], FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(file.Length - missingSlices * (long)Slices.Bytes - 1);
        var fault = Assert.Throws<CheckpointException>(() => reader.Read(SlicedTensors.Last));
        Assert.Contains("cut short", fault.Message);
        Assert.Contains(_folder["model.safetensors"], fault.Message);
    }

    [Fact]
    public void Read_NamesWhatIsThere_WhenTheTensorIsNot()
    {
        SlicedTensors.Write(_folder["model.safetensors"]);
        using var source = SafetensorsFile.Open(_folder["model.safetensors"]);
        using var reader = new TensorReader(source, CPU);
        Assert.Contains("no tensor 'other'", Assert.Throws<CheckpointException>(() => reader.Read("other")).Message);
    }

    [Fact]
    public unsafe void Parts_OfADecodedTensor_AreThoseOfTheWhole()
    {
        var model = ExportSource.Resolve(new ExportOptions { Model = TestAssets.Golden("models", "gqa") });
        new ModelExport(model, GgufOutType.Q8_0).Write(_folder["model.gguf"]);
        using var source = GgufCheckpoint.Open(_folder["model.gguf"], ModelConfigFile.Load(_folder["model.gguf"]));
        var random = new Random(1);
        foreach (var entry in source.Tensors.Values)
        {
            var whole = new ReadOnlySpan<byte>(source.Pointer(entry.Name), (int)entry.ByteCount);
            for (var trial = 0; trial < 20; trial++)
            {
                var offset = random.Next(whole.Length);
                var part = new byte[random.Next(whole.Length - offset) + 1];
                fixed (byte* target = part)
                    source.Read(entry.Name, offset, part.Length, target);
                Assert.True(whole.Slice(offset, part.Length).SequenceEqual(part), entry.Name);
            }
        }
    }
}
