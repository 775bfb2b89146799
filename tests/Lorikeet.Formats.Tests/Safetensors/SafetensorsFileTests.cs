using System.Buffers.Binary;
using System.Text;
using CsCheck;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests.Safetensors;

public class SafetensorsFileTests
{
    private const string TwoTensors =
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"I8","shape":[],"data_offsets":[8,9]}}""";

    [Fact]
    public void Open_ReadsWhatTheReferenceWrote()
    {
        using var file = SafetensorsFile.Open(TestAssets.Golden("models", "gqa", "model.safetensors"));
        Assert.Equal(30, file.Tensors.Count);
        Assert.Equal("pt", file.Metadata["format"]);
        var entry = file.Require("model.layers.1.self_attn.k_proj.weight");
        Assert.Equal((SafetensorsType.F32, 8192L, 2048L), (entry.Type, entry.ByteCount, entry.ElementCount));
        Assert.Equal([32, 64], entry.Shape);
        Assert.Equal(718592, file.Tensors.Values.Sum(tensor => tensor.ByteCount));
    }

    [Fact]
    public void Span_ReadsElementsAndScalars()
    {
        using var folder = new TemporaryFolder();
        using var file = SafetensorsFile.Open(Write(folder, TwoTensors, [0, 0, 128, 63, 0, 0, 0, 64, 7]));
        Assert.Equal([1f, 2f], file.Span<float>("a").ToArray());
        Assert.Equal([7], file.Span<sbyte>("b").ToArray());
        Assert.Throws<ArgumentException>(() => file.Span<long>("a").Length);
    }

    [Fact]
    public void SliceAndRead_StayInsideTheTensor()
    {
        using var folder = new TemporaryFolder();
        using var file = SafetensorsFile.Open(Write(folder, TwoTensors, [0, 0, 128, 63, 0, 0, 0, 64, 7]));
        Assert.Equal([128, 63, 0], file.Slice("a", 2, 3).ToArray());
        var copy = new byte[3];
        file.Read("a", 2, copy);
        Assert.Equal([128, 63, 0], copy);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice("a", 6, 3).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Slice("a", -1, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read("b", 0, copy));
        Assert.Throws<CheckpointException>(() => file.Slice("c", 0, 1).Length);
    }

    [Theory]
    [InlineData(8, true)]
    [InlineData(10, false)]
    public void Open_SaysThatAFileWasCutShort_OnlyWhereItIsTooShort(int dataBytes, bool isCut)
    {
        using var folder = new TemporaryFolder();
        var path = Write(folder, TwoTensors, new byte[dataBytes]);
        var fault = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(path));
        Assert.Equal(isCut, fault.Message.Contains("cut short", StringComparison.Ordinal));
    }

    [Fact]
    public void Pointer_NamesWhatIsThere_WhenTheTensorIsNot()
    {
        using var folder = new TemporaryFolder();
        using var file = SafetensorsFile.Open(Write(folder, TwoTensors, new byte[9]));
        var fault = Assert.Throws<CheckpointException>(() => file.Require("c"));
        Assert.Contains("no tensor 'c'", fault.Message);
        Assert.Contains("2 tensors: a, b.", fault.Message);
        Assert.Contains(file.Path, fault.Message);
    }

    [Theory]
    [InlineData(TwoTensors, 8, "end at byte")] // cut short
    [InlineData(TwoTensors, 10, "end at byte")] // something behind the last tensor
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "takes 8")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1],"data_offsets":[1,2]}}""", 2, "neither overlap nor leave holes")]
    [InlineData(
        """{"a":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"I8","shape":[2],"data_offsets":[1,3]}}""",
        3, "overlap")]
    [InlineData(
        """{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"I8","shape":[1],"data_offsets":[1,2]}}""",
        2, "listed twice")]
    [InlineData("""{"a":{"dtype":"F7","shape":[2],"data_offsets":[0,4]}}""", 4, "'F7'")]
    [InlineData("""{"a":{"dtype":"I8","shape":[-1],"data_offsets":[0,1]}}""", 1, "impossible")]
    [InlineData("""{"a":{"dtype":"I64","shape":[4611686018427387904,4],"data_offsets":[0,1]}}""", 1, "impossible")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1]}}""", 1, "lacks one of")]
    [InlineData("""{"a":{"dtype":"I8","shape":[1.5],"data_offsets":[0,1]}}""", 1, "not the JSON object")]
    [InlineData("""["a"]""", 0, "not the JSON object")]
    [InlineData("""{"a":""", 0, "not the JSON object")]
    [InlineData("""{} x""", 0, "after the closing brace")]
    public void Open_RefusesADamagedFile(string header, int dataBytes, string said)
    {
        using var folder = new TemporaryFolder();
        var path = Write(folder, header, new byte[dataBytes]);
        var fault = Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(path));
        Assert.Contains(said, fault.Message);
        Assert.Contains(path, fault.Message);
    }

    [Theory]
    [InlineData(0, 0, "it has 0 bytes")]
    [InlineData(8, 100_000_001, "at most 100000000")]
    [InlineData(20, 13, "takes 13 bytes, but the file has only 20")]
    public void Open_RefusesAnImpossibleHeaderLength(int fileBytes, ulong headerLength, string said)
    {
        using var folder = new TemporaryFolder();
        var bytes = new byte[fileBytes];
        if (fileBytes > 0)
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, headerLength);
        File.WriteAllBytes(folder["x"], bytes);
        Assert.Contains(said, Assert.Throws<CheckpointException>(() => SafetensorsFile.Open(folder["x"])).Message);
    }

    [Fact]
    public void Open_SaysSo_WhenTheFileIsMissing() =>
        Assert.Contains(
            "cannot be read", Assert.Throws<CheckpointException>(() => SafetensorsFile.Open("/no/such/file")).Message);

    [Fact]
    public void Pointer_ReachesBeyondTwoGigabytes()
    {
        using var folder = new TemporaryFolder();
        const long Size = 3L << 30;
        var path = Write(
            folder, $$$"""{"big":{"dtype":"U8","shape":[{{{Size}}}],"data_offsets":[0,{{{Size}}}]}}""", []);
        using (var stream = File.OpenWrite(path))
        {
            // The file is sparse: only its last page takes space.
            stream.Seek(Size - 1, SeekOrigin.End);
            stream.WriteByte(42);
        }

        using var file = SafetensorsFile.Open(path);
        Assert.Equal(42, ByteAt(file, "big", Size - 1));
    }

    [Fact]
    public void Open_NeverFailsInAnotherWay_WhateverBytesChange()
    {
        using var folder = new TemporaryFolder();
        var valid = File.ReadAllBytes(Write(folder, TwoTensors, new byte[9]));
        Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte, Gen.Int[0, valid.Length]).Sample(
            (at, value, length) =>
            {
                var bytes = valid.ToArray();
                bytes[at] = value;
                File.WriteAllBytes(folder["fuzzed"], bytes[..length]);
                try
                {
                    using var file = SafetensorsFile.Open(folder["fuzzed"]);
                    foreach (var name in file.Tensors.Keys)
                        _ = ByteAt(file, name, 0);
                }
                catch (CheckpointException)
                {
                }
            },
            iter: 1000, threads: 1);
    }

    private static unsafe byte ByteAt(SafetensorsFile file, string name, long offset) => file.Pointer(name)[offset];

    private static string Write(TemporaryFolder folder, string header, byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(folder["test.safetensors"], [.. length, .. json, .. data]);
        return folder["test.safetensors"];
    }
}
