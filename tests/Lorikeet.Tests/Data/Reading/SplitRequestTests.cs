using Lorikeet.Data.Reading;

namespace Lorikeet.Tests.Data.Reading;

public sealed class SplitRequestTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData("train", 0, 25)]
    [InlineData("train[:10]", 0, 10)]
    [InlineData("train[10:20]", 10, 20)]
    [InlineData("train[20:]", 20, 25)]
    [InlineData("train[-5:]", 20, 25)]
    [InlineData("train[:-5]", 0, 20)]
    [InlineData("train[:10%]", 0, 2)] // 2.5 to the even row, as Python rounds
    [InlineData("train[10%:30%]", 2, 8)]
    [InlineData("train[-20%:]", 20, 25)]
    [InlineData("train[:0]", 0, 0)]
    public void Part_IsThatOfTheDatasetsLibrary(string split, int from, int to)
    {
        var file = _data.Write(
            "rows.jsonl", string.Concat(Enumerable.Range(0, 25).Select(i => $"{{\"text\":\"{i}\"}}\n")));
        Assert.Equal(
            Enumerable.Range(from, to - from).Select(i => $"{{\"text\":\"{i}\"}}"), DataFixture.Rows(file, split));
        Assert.Equal(to - from, DataFixture.Rows($"{file}:{split}").Length);
    }

    [Fact]
    public void SeveralSplits_AreJoinedInTheirOrder()
    {
        _data.Write("train.jsonl", """{"text":"a"}""" + "\n" + """{"text":"b"}""");
        _data.Write("test.jsonl", """{"text":"c"}""");
        Assert.Equal(["""{"text":"c"}""", """{"text":"a"}"""], DataFixture.Rows(_data.Folder, "test+train[:1]"));
    }

    [Fact]
    public void PartThatIsNotThere_IsRefused()
    {
        var file = _data.Write("rows.jsonl", """{"text":"a"}""");
        var fault = Assert.Throws<DatasetException>(() => DataFixture.Rows(file, "train[-2:]"));
        Assert.Contains("Row -2 of the split 'train' is asked for, and it has 1", fault.Message);
    }

    [Theory]
    [InlineData("train[1]")]
    [InlineData("train[:x]")]
    [InlineData("train[:10%")]
    public void NoSplit_IsRefusedWithExamples(string split)
    {
        var file = _data.Write("rows.jsonl", """{"text":"a"}""");
        var fault = Assert.Throws<ConfigurationException>(() => DatasetReader.Read(file, [split]).ToArray());
        Assert.Contains($"'{split}'", fault.Message);
        Assert.Contains("train[:10%]", fault.Message);
    }
}
