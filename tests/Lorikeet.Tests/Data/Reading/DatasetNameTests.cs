using Lorikeet.Configuration;
using Lorikeet.Data.Reading;
using Lorikeet.Training;

namespace Lorikeet.Tests.Data.Reading;

/// <summary>How datasets and their splits are named, one by one and in lists.</summary>
public sealed class DatasetNameTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData("owner/name", "owner/name", null)]
    [InlineData("owner/name:test", "owner/name", "test")]
    [InlineData("qa.jsonl:train[5:]", "qa.jsonl", "train[5:]")]
    [InlineData("qa.jsonl:train[:10%]+test[-5:]", "qa.jsonl", "train[:10%]+test[-5:]")]
    [InlineData("[a].jsonl:train[5:]", "[a].jsonl", "train[5:]")]
    [InlineData("[a].jsonl", "[a].jsonl", null)]
    [InlineData(@"C:\data\qa.jsonl", @"C:\data\qa.jsonl", null)]
    [InlineData(@"C:\data\qa.jsonl:test", @"C:\data\qa.jsonl", "test")]
    public void NameAndSplit_AreToldApart(string text, string name, string? split) =>
        Assert.Equal(new DatasetSource(name, split), DatasetSource.Parse(text));

    [Theory]
    [InlineData("a,b", "a", "b")]
    [InlineData("[a, b]", "a", "b")]
    [InlineData("[a],[b]", "[a]", "[b]")]
    [InlineData("a:train[5:],b", "a:train[5:]", "b")]
    [InlineData("[a:train[5:], b:train[:3]]", "a:train[5:]", "b:train[:3]")]
    [InlineData("*.json[ln,x", "*.json[ln", "x")]
    [InlineData("[a].jsonl,", "[a].jsonl")]
    [InlineData("data/*.[a-c]", "data/*.[a-c]")]
    [InlineData("")]
    public void ListInOneText_IsCutAtItsOwnCommas(string text, params string[] elements) =>
        Assert.Equal(elements, ListText.Split(text, arePaths: true));

    [Fact]
    public void WhatExistsAsItStands_IsNotCut()
    {
        var comma = _data.Write("x, y.jsonl", "{}");
        var brackets = _data.Write("[a].jsonl", "{}");
        Assert.Equal([comma], ListText.Split(comma, arePaths: true));
        Assert.Equal([$"{comma}:train[2:]"], ListText.Split($"{comma}:train[2:]", arePaths: true));
        Assert.Equal([brackets, comma, "z"], ListText.Split($"{brackets}, {comma},z", arePaths: true));
        Assert.Equal(2, ListText.Split(comma, arePaths: false).Count);
    }

    [Theory]
    [InlineData("dataset: ['x, y.jsonl', '[a].jsonl']", "x, y.jsonl", "[a].jsonl")]
    [InlineData("dataset:\n- a.jsonl:train[5:]\n- b,c.jsonl", "a.jsonl:train[5:]", "b,c.jsonl")]
    [InlineData("dataset: a.jsonl,b.jsonl", "a.jsonl", "b.jsonl")]
    [InlineData("dataset: '[a.jsonl, b.jsonl]'", "a.jsonl", "b.jsonl")]
    public void ElementsOfAListInYaml_AreNotCut(string yaml, params string[] expected)
    {
        var option = OptionCatalog.Of<TrainingOptions>().Find("dataset")!;
        var entry = Assert.Single(ConfigurationFile.Parse(new StringReader(yaml), "run.yaml"));
        Assert.Equal(expected, (string[])OptionValueReader.Read(option, entry.Value!, out _)!);
    }

    [Theory]
    [InlineData("qa.jsonl", "validation", "all of which is the split 'train'")]
    [InlineData("qa-test.jsonl", "validation", "all of which is the split 'test'")]
    public void SplitThatAFileHasNot_IsRefused(string name, string split, string message)
    {
        var path = _data.Write(name, "{\"a\":1}\n");
        Assert.Contains(message, Assert.Throws<ConfigurationException>(() => DataFixture.Rows(path, split)).Message);
        Assert.Contains(
            message, Assert.Throws<ConfigurationException>(() => DataFixture.Rows($"{path}:{split}")).Message);
    }

    [Fact]
    public void SplitThatAFileHas_IsRead()
    {
        var inside = _data.Write("qa.json", "{\"test\": [{\"a\":1}], \"train\": [{\"a\":2},{\"a\":3}]}");
        var whole = _data.Write("dev.jsonl", "{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n");
        Assert.Equal(["{\"a\":1}"], DataFixture.Rows(inside, "test"));
        Assert.Equal(3, DataFixture.Rows(whole, "validation").Length);
        Assert.Equal(3, DataFixture.Rows(whole, "test", "validation", "train").Length);
        Assert.Equal(["{\"a\":3}"], DataFixture.Rows($"{whole}:train[2:]"));
    }

    [Theory]
    [InlineData("train[:9999999999999999999]")]
    [InlineData("train[a:]")]
    public void SplitThatIsNone_IsExplained(string split) =>
        Assert.Throws<ConfigurationException>(() => DataFixture.Rows(_data.Write("a.jsonl", "{}"), split));

    [Fact]
    public void PartBeyondTheRows_IsAllOrRefused()
    {
        var path = _data.Write("a.jsonl", "{\"a\":1}\n");
        Assert.Throws<DatasetException>(() => DataFixture.Rows(path, "train[5000000000:]"));
        Assert.Single(DataFixture.Rows(path, "train[:5000000000]"));
    }

    [Fact]
    public void MissingFile_IsToldWhatIsCalledAlmostLikeIt()
    {
        _data.Write("questions.jsonl", "{}");
        var fault = Assert.Throws<DatasetException>(
            () => DataFixture.Rows(Path.Combine(_data.Folder, "question.jsonl")));
        Assert.Contains($"Did you mean '{Path.Combine(_data.Folder, "questions.jsonl")}'?", fault.Message);
    }

    [Theory]
    [InlineData("data/*.jsonl", "data/a.jsonl", true)]
    [InlineData("data/*.jsonl", "data/b/a.jsonl", false)]
    [InlineData("**/*.jsonl", "data/b/a.jsonl", true)]
    [InlineData("a[0-2].csv", "a1.csv", true)]
    [InlineData("a[!0-2].csv", "a1.csv", false)]
    [InlineData("a[!0-2].csv", "a7.csv", true)]
    [InlineData("*.jsonl[n", "a.jsonl[n", true)]
    [InlineData("[z-a].csv", "b.csv", false)]
    [InlineData("a[]].csv", "a].csv", true)]
    [InlineData("a(b)+.csv", "a(b)+.csv", true)]
    public void Pattern_IsThatOfAShell(string pattern, string name, bool fits) =>
        Assert.Equal(fits, FilePattern.Matches(pattern, name));
}
