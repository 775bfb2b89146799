using Lorikeet.Data.Reading;

namespace Lorikeet.Tests.Data.Reading;

public sealed class DatasetFolderTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    private void WriteRow(string name) => _data.Write(name, $"{{\"text\":\"{name}\"}}\n");

    private string[] Read(params string[] splits) =>
        [.. DataFixture.Rows(_data.Folder, splits).Select(row => row[9..^2])];

    [Fact]
    public void HubLayout_GivesTheSplitsOfTheFileNames()
    {
        WriteRow("data/train-00001-of-00002.jsonl");
        WriteRow("data/train-00000-of-00002.jsonl");
        WriteRow("data/validation-00000-of-00001.jsonl");
        WriteRow(".cache/train.jsonl");
        _data.Write("README.md", "A dataset about training.");
        _data.Write("dataset_infos.json", "{}");

        Assert.Equal(["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl"], Read("train"));
        Assert.Equal(["data/validation-00000-of-00001.jsonl"], Read("test", "validation"));
    }

    [Theory]
    [InlineData("dev.jsonl", "validation")]
    [InlineData("my_val_set.jsonl", "validation")]
    [InlineData("test/a.jsonl", "test")]
    [InlineData("eval.jsonl", "test")]
    [InlineData("training.jsonl", "train")]
    public void Split_IsAWordOfThePath(string name, string split)
    {
        WriteRow(name);
        WriteRow("contest_entries.jsonl");
        Assert.Equal([name], Read(split));
    }

    [Fact]
    public void FilesThatNameNoSplit_AreAllTraining()
    {
        WriteRow("b.jsonl");
        WriteRow("a.jsonl");
        _data.Write("notes.txt", "not data");
        Assert.Equal(["a.jsonl", "b.jsonl"], Read("train"));
    }

    [Fact]
    public void Card_SaysWhichFilesASplitHas()
    {
        WriteRow("en/first.jsonl");
        WriteRow("en/second.jsonl");
        WriteRow("vi/only.jsonl");
        _data.Write("README.md", """
            ---
            license: mit
            configs:
            - config_name: en
              data_files:
              - split: train
                path: "en/f*.jsonl"
              - split: test
                path:
                - en/second.jsonl
            - config_name: vi
              default: true
              data_files: "**/only.jsonl"
            ---
            # Card
            """);

        Assert.Equal(["vi/only.jsonl"], Read("train"));
        Assert.Equal("en/second.jsonl", ReadConfiguration("en", "test"));
        Assert.Equal("en/first.jsonl", ReadConfiguration("en", "train"));
        var fault = Assert.Throws<ConfigurationException>(() => ReadConfiguration("fr", "train"));
        Assert.Contains("It has: en, vi", fault.Message);
    }

    private string ReadConfiguration(string configuration, string split) =>
        (string)DatasetReader.Read(_data.Folder, [split], configuration).Single().Values["text"]!;

    [Theory]
    [InlineData("configs: DEEP")]
    [InlineData("configs: [{config_name: a, data_files: '['}]")]
    public void CardThatIsHostileOrBroken_IsLeftOutOfAccount(string head)
    {
        WriteRow("train.jsonl");
        head = head.Replace("DEEP", string.Concat(Enumerable.Repeat("{a: ", 20_000)) + new string('}', 20_000));
        _data.Write("README.md", $"---\n{head}\n---\n");
        Assert.Equal(["train.jsonl"], Read("train"));
    }

    [Theory]
    [InlineData("configs:\n- config_name: c\n  data_files: {? [a] : b}", 4)]
    [InlineData("? [configs]\n: 1", 2)]
    public void CardWithANameThatIsNoText_IsRefused(string head, int line)
    {
        WriteRow("train.jsonl");
        _data.Write("README.md", $"---\n{head}\n---\n");
        var fault = Assert.Throws<DatasetException>(() => Read("train"));
        Assert.Contains($"README.md:{line}: a name is a list", fault.Message);
        Assert.Contains("data_files", fault.Message);
    }

    [Fact]
    public void SplitAfterAColon_IsTaken()
    {
        WriteRow("train.jsonl");
        WriteRow("test.jsonl");
        Assert.Equal(["{\"text\":\"test.jsonl\"}"], DataFixture.Rows(_data.Folder + ":test"));
    }

    [Fact]
    public void MissingSplit_ListsTheSplitsThereAre()
    {
        WriteRow("train.jsonl");
        WriteRow("test.jsonl");
        var fault = Assert.Throws<DatasetException>(() => Read("validation"));
        Assert.Contains("has no split 'validation'. It has: test, train.", fault.Message);
    }

    [Fact]
    public void HubId_IsLookedForOnTheHub()
    {
        WriteRow("train.jsonl");
        var asked = "";
        string Fetch(string id)
        {
            asked = id;
            return _data.Folder;
        }

        Assert.Single(DatasetReader.Read("owner/some-set:train", ["train"], null, Fetch));
        Assert.Equal("owner/some-set", asked);
        Assert.Throws<DatasetException>(() => DatasetReader.Read("missing.jsonl", ["train"], null, Fetch).ToArray());
    }

    [Fact]
    public void FolderOfArrowFiles_SaysWhatToDo()
    {
        _data.Write("data-00000-of-00001.arrow", "x");
        var fault = Assert.Throws<DatasetException>(() => Read("train"));
        Assert.Contains("to_parquet", fault.Message);
    }
}
