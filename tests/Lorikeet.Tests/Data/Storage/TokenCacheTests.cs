using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Storage;
using Lorikeet.Formats;

namespace Lorikeet.Tests.Data.Storage;

public sealed class TokenCacheTests : IDisposable
{
    private readonly DataFixture _data = new();

    private string Cache => Path.Combine(_data.Folder, "cache");

    public void Dispose() => _data.Dispose();

    [Fact]
    public void RowsOfTheCache_AreThoseOfMemory()
    {
        var file = Write(3000);
        var memory = DataFixture.Load(file, new DataOptions { HeldOut = 0.1, TokenCache = TokenCacheMode.Off });
        using var written = Load(file, new DataOptions { HeldOut = 0.1 });
        using var found = Load(file, new DataOptions { HeldOut = 0.1 });
        foreach (var cached in (TrainingData[])[written, found])
        {
            Assert.IsType<StoredRows>(cached.Train);
            Assert.Equal(memory.Train.Select(Flat), cached.Train.Select(Flat));
            Assert.Equal(memory.Eval.Select(Flat), cached.Eval.Select(Flat));
            Assert.Equivalent(memory.TrainStatistics, cached.TrainStatistics);
            Assert.Equal(memory.Warnings, cached.Warnings);
            Assert.Equal(
                memory.Questions.Select(question => question.Text), cached.Questions.Select(question => question.Text));
            Assert.Equal(
                memory.Preview(5).SelectMany(row => row.Tokens), cached.Preview(5).SelectMany(row => row.Tokens));
        }

        Assert.Equal(2, Directory.GetDirectories(Cache).Length);
    }

    [Fact]
    public void SecondRun_TakesTheRowsAsTheyAre_UnlessToldToEncodeAgain()
    {
        var file = Write(20);
        Load(file).Dispose();
        var mark = Path.Combine(Directory.GetDirectories(Cache).Single(), "mark");
        File.WriteAllText(mark, "");

        Load(file).Dispose();
        Assert.True(File.Exists(mark));
        Load(file, new DataOptions { OverwriteCache = true }).Dispose();
        Assert.False(File.Exists(mark));
    }

    [Theory]
    [InlineData("ids.bin")]
    [InlineData("labels.bin")]
    [InlineData("rows.bin")]
    [InlineData("facts.json")]
    [InlineData("checksums.xxh128")]
    public void AnyFlippedBit_IsNoticedAndNamed(string name)
    {
        var file = Write(3);
        Load(file).Dispose();
        var path = Path.Combine(Directory.GetDirectories(Cache).Single(), name);
        var bytes = File.ReadAllBytes(path);
        for (var bit = 0; bit < bytes.Length * 8; bit += 37)
        {
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            File.WriteAllBytes(path, bytes);
            using var data = Load(file);
            Assert.Contains(data.Warnings, warning => warning.Contains(name, StringComparison.Ordinal));
            Assert.Equal(bytes.Length, new FileInfo(path).Length);
            bytes = File.ReadAllBytes(path);
        }
    }

    [Theory]
    [InlineData("ids.bin", 0, 100_000_000)]
    [InlineData("ids.bin", 0, -1)]
    [InlineData("labels.bin", 0, 5000)]
    [InlineData("labels.bin", 0, -1)]
    [InlineData("rows.bin", 4, 1)]
    public void NumberOutsideItsRange_IsNoticedThoughTheChecksumsFit(string name, int offset, int value)
    {
        var file = Write(3);
        Load(file).Dispose();
        var entry = Directory.GetDirectories(Cache).Single();
        var bytes = File.ReadAllBytes(Path.Combine(entry, name));
        BitConverter.TryWriteBytes(bytes.AsSpan(offset), value);
        File.WriteAllBytes(Path.Combine(entry, name), bytes);
        File.Delete(Path.Combine(entry, ChecksumList.FileName));
        ChecksumList.Write(entry);

        using var data = Load(file);

        Assert.Contains(data.Warnings, warning => warning.Contains("token cache", StringComparison.Ordinal));
        Assert.Equal(Flat(DataFixture.Load(file).Train[0]), Flat(data.Train[0]));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("""{"Statistics":null,"Dropped":[]}""")]
    [InlineData("{}")]
    public void FactsThatSayNothing_AreNoticedThoughTheChecksumsFit(string facts)
    {
        var file = Write(3);
        Load(file).Dispose();
        var entry = Directory.GetDirectories(Cache).Single();
        File.WriteAllText(Path.Combine(entry, "facts.json"), facts);
        File.Delete(Path.Combine(entry, ChecksumList.FileName));
        ChecksumList.Write(entry);

        using var data = Load(file);

        Assert.Contains(data.Warnings, warning => warning.Contains("facts.json", StringComparison.Ordinal));
        Assert.Equal(3, data.Train.Count);
    }

    [Fact]
    public void WhateverHasAPartInTheRows_HasAnEntryOfItsOwn()
    {
        var file = Write(20);
        DataOptions[] different =
        [
            new(), new() { MaxLength = 16 }, new() { TrainOn = TrainOn.All }, new() { AppendEos = false },
            new() { ChatTemplate = "chatml" }, new() { MaxTrainRows = 10 },
            new() { MaxTrainRows = 10, Shuffle = false },
            new() { DatasetSplit = "train[:50%]" }, new() { Truncation = TruncationMode.KeepEnd },
        ];
        foreach (var options in different)
            Load(file, options).Dispose();
        Assert.Equal(different.Length, Directory.GetDirectories(Cache).Length);

        Load(file, new DataOptions { Packing = true, GroupByLength = true }).Dispose();
        Assert.Equal(different.Length, Directory.GetDirectories(Cache).Length);

        File.AppendAllText(file, """{"question":"One more?","answer":"yes"}""");
        Load(file).Dispose();
        Assert.Equal(different.Length + 1, Directory.GetDirectories(Cache).Length);
    }

    [Theory]
    [InlineData("ids.bin")]
    [InlineData("rows.bin")]
    [InlineData("facts.json")]
    public void DamagedEntry_IsMadeAgain(string name)
    {
        var file = Write(20);
        Load(file).Dispose();
        var damaged = Path.Combine(Directory.GetDirectories(Cache).Single(), name);
        using (var stream = File.OpenWrite(damaged))
            stream.SetLength(stream.Length / 2);
        using var data = Load(file);
        Assert.Equal(20, data.Train.Count);
        Assert.Equal(Flat(DataFixture.Load(file).Train[19]), Flat(data.Train[19]));
    }

    [Fact]
    public void FailedEncoding_LeavesNothing()
    {
        var file = _data.Write(
            "rows.jsonl", """{"question":"a","answer":"b"}""" + "\n" + """{"question":["a"],"answer":"b"}""");
        Assert.Throws<DatasetException>(() => Load(file));
        Assert.Empty(Directory.Exists(Cache) ? Directory.GetFileSystemEntries(Cache) : []);
    }

    [Fact]
    public void SmallData_IsKeptInMemoryUnlessTheUserSaysOtherwise() =>
        Assert.IsNotType<StoredRows>(DataFixture.Load(Write(20)).Train);

    private string Write(int rows) => _data.Write("questions.jsonl", string.Concat(
        Enumerable.Range(0, rows).Select(i => $"{{\"question\":\"What is {i}?\",\"answer\":\"number {i}\"}}\n")));

    private TrainingData Load(string file, DataOptions? options = null) => DataFixture.Load(
        file, (options ?? new DataOptions()) with { TokenCache = TokenCacheMode.On, TokenCacheFolder = Cache });

    private static string Flat(TrainingRow row) => $"{string.Join(' ', row.Ids)} | {string.Join(' ', row.Labels)}";
}
