using Lorikeet.Data.Reading;

namespace Lorikeet.Tests.Data.Reading;

/// <summary>The ways repositories of the hub lay out their files.</summary>
public sealed class HubLayoutTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public void Conversions_HaveConfigurationsAndSplitsAsTheyAreNamed()
    {
        // Only names are asked here; the parquet reader has tests of its own.
        foreach (var name in (string[])
        [
            "en/train_sft/0000.parquet", "en/train_sft/0001.parquet", "en/partial-test_sft/0000.parquet",
            "vi/train_sft/0000.parquet",
        ])
            _data.Write(name, "");
        var splits = DatasetFolder.Splits(_data.Folder, "en");
        Assert.Equal(["test_sft", "train_sft"], splits.Keys.Order());
        Assert.Equal(2, splits["train_sft"].Count);
        Assert.Single(DatasetFolder.Splits(_data.Folder, "vi"));

        var fault = Assert.Throws<ConfigurationException>(() => DatasetFolder.Splits(_data.Folder, null));
        Assert.Contains("several configurations", fault.Message);
        Assert.Contains("en, vi", fault.Message);
    }

    [Fact]
    public void ShardedFiles_NameTheirSplitAsItIs()
    {
        foreach (var name in (string[])
        [
            "data/train_sft-00000-of-00002.parquet", "data/train_sft-00001-of-00002.parquet",
            "data/train_gen-00000-of-00001.parquet",
        ])
            _data.Write(name, "");
        Assert.Equal(["train_gen", "train_sft"], DatasetFolder.Splits(_data.Folder, null).Keys.Order());
    }

    [Fact]
    public void Card_SaysConfigurationsTheirFilesAndTheDefault()
    {
        _data.Write("README.md", """
            ---
            configs:
            - config_name: easy
              data_files:
              - split: train
                path: ["easy/*.jsonl", "more/*.jsonl"]
              - split: test
                path: held/easy.jsonl
            - config_name: hard
              default: true
              data_dir: hard
            ---
            # A dataset
            """);
        _data.Write("easy/a.jsonl", """{"text":"easy"}""");
        _data.Write("more/b.jsonl", """{"text":"more"}""");
        _data.Write("held/easy.jsonl", """{"text":"held"}""");
        _data.Write("hard/train.jsonl", """{"text":"hard"}""");
        Assert.Equal(["""{"text":"hard"}"""], DataFixture.Rows(_data.Folder));
        Assert.Equal(
            ["""{"text":"easy"}""", """{"text":"more"}"""],
            DatasetReader.Read(_data.Folder, ["train"], "easy").Select(row => row.Values.ToJsonString()));
        Assert.Equal("held", (string?)DatasetReader.Read(_data.Folder, ["test"], "easy").Single().Values["text"]);
        var fault = Assert.Throws<ConfigurationException>(() => DatasetReader.Read(_data.Folder, ["train"], "medium"));
        Assert.Contains("'medium'", fault.Message);
        Assert.Contains("easy, hard", fault.Message);
    }

    [Fact]
    public void CardWithoutADefault_AsksForTheConfiguration()
    {
        _data.Write("README.md", """
            ---
            configs:
            - {config_name: en, data_files: "en.jsonl"}
            - {config_name: vi, data_files: "vi.jsonl"}
            ---
            """);
        _data.Write("en.jsonl", """{"text":"hello"}""");
        _data.Write("vi.jsonl", """{"text":"xin chào"}""");
        Assert.Contains("en, vi", Assert.Throws<ConfigurationException>(() => DataFixture.Rows(_data.Folder)).Message);
        Assert.Equal("xin chào", (string?)DatasetReader.Read(_data.Folder, ["train"], "vi").Single().Values["text"]);
    }

    [Fact]
    public void FolderOfTheConfigurationsName_IsThatConfiguration()
    {
        _data.Write("en/train.jsonl", """{"text":"hello"}""");
        _data.Write("vi/train.jsonl", """{"text":"xin chào"}""");
        Assert.Equal("xin chào", (string?)DatasetReader.Read(_data.Folder, ["train"], "vi").Single().Values["text"]);
        Assert.Equal(2, DataFixture.Rows(_data.Folder).Length);
        Assert.Contains("'de'", Assert.Throws<ConfigurationException>(
            () => DatasetReader.Read(_data.Folder, ["train"], "de")).Message);
    }

    [Theory]
    [InlineData(null, new[] { "a/*.jsonl" }, 2)]
    [InlineData("a", new string[0], 2)]
    [InlineData("a", new[] { "1*.jsonl" }, 1)]
    [InlineData(null, new[] { "**/2.jsonl" }, 1)]
    [InlineData(null, new[] { "a/1.jsonl", "b/3.jsonl" }, 2)]
    public void FilesTheUserNames_AreReadInsteadOfWhatTheCardSays(string? folder, string[] patterns, int rows)
    {
        _data.Write("README.md", "---\nconfigs:\n- config_name: x\n  data_files: b/*.jsonl\n---\n");
        _data.Write("a/1.jsonl", """{"text":"1"}""");
        _data.Write("a/2.jsonl", """{"text":"2"}""");
        _data.Write("b/3.jsonl", """{"text":"3"}""");
        var files = new DatasetFiles(folder, patterns);
        Assert.Equal(rows, DatasetReader.Read(_data.Folder, ["train"], files: files).Count());
    }

    [Fact]
    public void FilesThatAreNotThere_AreRefusedWithThoseThatAre()
    {
        _data.Write("a/1.jsonl", """{"text":"1"}""");
        var fault = Assert.Throws<DatasetException>(
            () => DatasetReader.Read(_data.Folder, ["train"], files: new DatasetFiles(null, ["c/*.csv"])));
        Assert.Contains("c/*.csv", fault.Message);
        Assert.Contains("a/1.jsonl", fault.Message);
    }
}
