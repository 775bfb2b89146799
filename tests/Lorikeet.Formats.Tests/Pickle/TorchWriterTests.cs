using System.IO.Compression;
using Lorikeet.Formats.Pickle;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests.Pickle;

public sealed class TorchWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void WhatIsWritten_IsReadBack()
    {
        var root = Dictionary(
            ("state", Dictionary((0L, Tensor([2, 3], 1, 2, 3, 4, 5, 6)), (1L, Tensor([], 7)))),
            ("groups", new List<object?> { 1L, -5L, 1L << 40, 0.1, true, null, "tên", new PickleTuple([0.9, 0.999]) }));
        using (var file = File.Create(_folder["a.pt"]))
            TorchWriter.Write(file, root);

        using var read = TorchFile.OpenWeights(_folder["a.pt"]);
        Assert.Equal([1f, 2, 3, 4, 5, 6], read.Span<float>("state.0").ToArray());
        Assert.Equal([2L, 3], read.Tensors["state.0"].Shape);
        Assert.Equal([], read.Tensors["state.1"].Shape);
        var groups = (List<object?>)((PickleDictionary)read.Root!)["groups"]!;
        Assert.Equal([1L, -5L, 1L << 40, 0.1, true, null, "tên"], groups.SkipLast(1));
        Assert.Equal([0.9, 0.999], ((PickleTuple)groups[^1]!).Items);
    }

    [Fact]
    public void Archive_IsLaidOutAsPyTorchExpects()
    {
        using (var file = File.Create(_folder["a.pt"]))
            TorchWriter.Write(file, new List<object?> { Tensor([1], 5) });
        using var zip = ZipFile.OpenRead(_folder["a.pt"]);
        Assert.Equal(
            ["archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/version"],
            zip.Entries.Select(entry => entry.FullName));
        Assert.All(zip.Entries, entry => Assert.Equal(entry.Length, entry.CompressedLength));
    }

    [Fact]
    public void AnObjectOfCode_IsRefused()
    {
        using var stream = new MemoryStream();
        Assert.Throws<ArgumentException>(() => TorchWriter.Write(stream, new PickleObject(null, null)));
    }

    private static TensorToWrite Tensor(long[] shape, params float[] elements) =>
        TensorToWrite.FromArray("", SafetensorsType.F32, shape, elements);

    private static PickleDictionary Dictionary(params (object Key, object? Value)[] entries)
    {
        var dictionary = new PickleDictionary();
        foreach (var (key, value) in entries)
            dictionary.Entries[key] = value;
        return dictionary;
    }
}
