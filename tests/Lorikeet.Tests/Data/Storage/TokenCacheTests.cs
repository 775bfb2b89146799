using Lorikeet.Data;
using Lorikeet.Data.Storage;
using Lorikeet.Options;

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
        var memory = DataFixture.Load(file, new DataOptions { EvalSize = 0.1, TokenCache = TokenCacheMode.Off });
        using var written = Load(file, new DataOptions { EvalSize = 0.1 });
        using var found = Load(file, new DataOptions { EvalSize = 0.1 });
        foreach (var cached in (TrainingData[])[written, found])
        {
            Assert.IsType<StoredRows>(cached.Train);
            Assert.Equal(memory.Train.Select(Flat), cached.Train.Select(Flat));
            Assert.Equal(memory.Eval.Select(Flat), cached.Eval.Select(Flat));
            Assert.Equivalent(memory.TrainStatistics, cached.TrainStatistics);
            Assert.Equal(memory.Warnings, cached.Warnings);
            Assert.Equal(memory.Questions.Select(question => question.Text), cached.Questions.Select(question => question.Text));
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
        var ids = Path.Combine(Directory.GetDirectories(Cache).Single(), "ids.bin");
        var bytes = File.ReadAllBytes(ids);
        bytes[4] ^= 1;
        File.WriteAllBytes(ids, bytes);

        using (var again = Load(file)) Assert.Equal(BitConverter.ToInt32(bytes, 4), again.Train[0].Ids[1]);
        using var anew = Load(file, new DataOptions { OverwriteCache = true });
        Assert.NotEqual(BitConverter.ToInt32(bytes, 4), anew.Train[0].Ids[1]);
    }

    [Fact]
    public void WhateverHasAPartInTheRows_HasAnEntryOfItsOwn()
    {
        var file = Write(20);
        DataOptions[] different =
        [
            new(), new() { MaxLength = 16 }, new() { TrainOn = TrainOn.All }, new() { AppendEos = false },
            new() { ChatTemplate = "chatml" }, new() { MaxTrainRows = 10 }, new() { MaxTrainRows = 10, Shuffle = false },
            new() { DatasetSplit = "train[:50%]" }, new() { Truncation = TruncationMode.KeepEnd },
        ];
        foreach (var options in different) Load(file, options).Dispose();
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
        using (var stream = File.OpenWrite(damaged)) stream.SetLength(stream.Length / 2);
        using var data = Load(file);
        Assert.Equal(20, data.Train.Count);
        Assert.Equal(Flat(DataFixture.Load(file).Train[19]), Flat(data.Train[19]));
    }

    [Fact]
    public void FailedEncoding_LeavesNothing()
    {
        var file = _data.Write("rows.jsonl", """{"question":"a","answer":"b"}""" + "\n" + """{"question":["a"],"answer":"b"}""");
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
