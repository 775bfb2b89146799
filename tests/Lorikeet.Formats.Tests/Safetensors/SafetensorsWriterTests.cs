using CsCheck;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests.Safetensors;

public class SafetensorsWriterTests
{
    [Theory]
    [InlineData("models/gqa/model.safetensors")]
    [InlineData("models/gqa_bf16/model.safetensors")]
    [InlineData("models/gqa_bnb_nf4/model.safetensors")]
    [InlineData("models/gqa_bnb_int8/model.safetensors")]
    [InlineData("bnb_4bit.safetensors")]
    public void Write_GivesTheBytesOfTheReference(string golden)
    {
        using var folder = new TemporaryFolder();
        using var source = SafetensorsFile.Open(TestAssets.Golden(golden.Split('/')));
        SafetensorsWriter.Write(
            folder["copy"], source.Tensors.Keys.Select(name => TensorToWrite.FromSource(source, name)),
            source.Metadata);
        Assert.Equal(File.ReadAllBytes(source.Path), File.ReadAllBytes(folder["copy"]));
    }

    [Fact]
    public void Write_SaysPyTorch_WhenNoMetadataIsGiven()
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder["x"], [TensorToWrite.FromArray("a", SafetensorsType.F32, [], [1f])]);
        using var file = SafetensorsFile.Open(folder["x"]);
        Assert.Equal("pt", Assert.Single(file.Metadata).Value);
    }

    [Fact]
    public void Write_RoundTrips_AnyTensors()
    {
        var tensor = Gen.Select(
            Gen.String[Gen.Char.AlphaNumeric, 1, 12], Gen.Enum<SafetensorsType>(), Gen.Long[0, 4].Array[0, 4], Gen.Int);
        using var folder = new TemporaryFolder();
        Gen.Dictionary(Gen.String[1, 12], tensor)[0, 8].Sample(
            given =>
            {
                var tensors = given.Where(pair => pair.Key != "__metadata__")
                    .Select(pair => Random(pair.Key, pair.Value.Item2, pair.Value.Item3, pair.Value.Item4)).ToList();
                SafetensorsWriter.Write(folder["x"], tensors.Select(t => t.Tensor));
                using var file = SafetensorsFile.Open(folder["x"]);
                Assert.Equal(tensors.Count, file.Tensors.Count);
                foreach (var (expected, bytes) in tensors)
                {
                    var entry = file.Require(expected.Name);
                    Assert.Equal((expected.Type, expected.ByteCount), (entry.Type, entry.ByteCount));
                    Assert.Equal(expected.Shape, entry.Shape);
                    Assert.Equal(bytes, Bytes(file, entry));
                }
            },
            iter: 200, threads: 1);
    }

    [Fact]
    public void Write_KeepsTheOldFile_WhenATensorWritesTooLittle()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["x"], "old");
        var tensor = new TensorToWrite("a", SafetensorsType.F32, [2], stream => stream.Write(new byte[7]));
        Assert.Contains("wrote 7 bytes", Assert.Throws<InvalidOperationException>(
            () => SafetensorsWriter.Write(folder["x"], [tensor])).Message);
        Assert.Equal("old", File.ReadAllText(folder["x"]));
    }

    [Fact]
    public void Write_RefusesTwoTensorsOfOneName_EvenOfDifferentTypes() =>
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write("x", [
            TensorToWrite.FromArray("a", SafetensorsType.F32, [], [1f]),
            TensorToWrite.FromArray("b", SafetensorsType.I8, [], [1]),
            TensorToWrite.FromArray("a", SafetensorsType.I8, [], [(sbyte)1])]));

    [Fact]
    public void FromArray_RefusesAShapeThatDoesNotFit() =>
        Assert.Throws<ArgumentException>(() => TensorToWrite.FromArray("a", SafetensorsType.F32, [3], [1f, 2f]));

    private static (TensorToWrite Tensor, byte[] Bytes) Random(
        string name, SafetensorsType type, long[] shape, int seed)
    {
        var bytes = new byte[shape.Aggregate((long)type.ByteSize(), (size, dimension) => size * dimension)];
        new Random(seed).NextBytes(bytes);
        return (new TensorToWrite(name, type, shape, stream => stream.Write(bytes)), bytes);
    }

    private static unsafe byte[] Bytes(SafetensorsFile file, TensorEntry entry) =>
        new ReadOnlySpan<byte>(file.Pointer(entry.Name), (int)entry.ByteCount).ToArray();
}
