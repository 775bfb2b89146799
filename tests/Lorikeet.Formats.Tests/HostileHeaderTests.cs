using System.Text;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests;

/// <summary>Headers whose numbers are made to wrap around, or that announce more than is there.</summary>
public sealed class HostileHeaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"a":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[9223372036854775807,9223372036854775807]}}""")]
    [InlineData("""{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,1]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1e3],"data_offsets":[0,1000]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}}""")]
    [InlineData("""{"a":{"dtype":7,"shape":[1],"data_offsets":[0,1]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":{},"data_offsets":[0,1]}}""")]
    [InlineData("""{"a":[]}""")]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")]
    [InlineData("""{"__metadata__":{"a":1}}""")]
    [InlineData("""[]""")]
    [InlineData("")]
    public void OpenSafetensors_RefusesAHeader_ThatCannotBe(string header)
    {
        WriteSafetensors(header);
        var fault = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(_folder["a.safetensors"]));
        Assert.Contains(_folder["a.safetensors"], fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OpenSafetensors_RefusesManyDimensions()
    {
        WriteSafetensors(
            $$$"""{"a":{"dtype":"U8","shape":[{{{string.Join(',', Enumerable.Repeat(1, 65))}}}],"data_offsets":[0,1]}}""");
        Assert.Contains("64 dimensions", Assert.Throws<CheckpointException>(
            () => SafetensorsFile.Open(_folder["a.safetensors"])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":null}}""")]
    [InlineData("""{"weight_map":{"a":1}}""")]
    [InlineData("""{"weight_map":[]}""")]
    [InlineData("""{"weight_map":{"a":"../b.safetensors"}}""")]
    [InlineData("""{"weight_map":{"a":"\ud800"}}""")]
    [InlineData("""[]""")]
    public void OpenFolder_RefusesAnIndex_ThatNamesNoFiles(string index)
    {
        File.WriteAllText(_folder["model.safetensors.index.json"], index);
        Assert.Throws<CheckpointException>(() => ModelWeights.Open(_folder.Path));
    }

    [Fact]
    public void OpenGguf_RefusesATensor_WhoseEndWrapsAround() => AssertGgufRefused(writer =>
    {
        writer.Write(1L);
        writer.Write(0L);
        WriteText(writer, "a");
        writer.Write(1);
        writer.Write(long.MaxValue);
        writer.Write((uint)GgufType.I8);
        writer.Write(0L);
    });

    [Theory]
    [InlineData(8u, 1L << 40)]
    [InlineData(9u, 1L << 20)]
    [InlineData(0u, long.MaxValue)]
    public void OpenGguf_RefusesAnArray_ThatAnnouncesMoreThanFits(uint type, long count) => AssertGgufRefused(writer =>
    {
        writer.Write(0L);
        writer.Write(1L);
        WriteText(writer, "a");
        writer.Write((uint)GgufValueType.Array);
        writer.Write(type);
        writer.Write(count);
        writer.Write(new byte[100_000]);
    });

    [Fact]
    public void OpenGguf_RefusesMorePairsThanAnyFileHas() => AssertGgufRefused(writer =>
    {
        writer.Write(0L);
        writer.Write(ReadingLimits.Entries + 1L);
        writer.Write(new byte[14 * ReadingLimits.Entries]);
    });

    private void AssertGgufRefused(Action<BinaryWriter> write)
    {
        using (var writer = new BinaryWriter(File.Create(_folder["a.gguf"])))
        {
            writer.Write(GgufReader.Magic);
            writer.Write(3);
            write(writer);
        }

        var fault = Assert.Throws<CheckpointException>(() => GgufFile.Open(_folder["a.gguf"]));
        Assert.Contains(_folder["a.gguf"], fault.Message, StringComparison.Ordinal);
    }

    private void WriteSafetensors(string header)
    {
        var json = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(_folder["a.safetensors"], [.. BitConverter.GetBytes((long)json.Length), .. json, 0]);
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        writer.Write((long)text.Length);
        writer.Write(Encoding.UTF8.GetBytes(text));
    }
}
