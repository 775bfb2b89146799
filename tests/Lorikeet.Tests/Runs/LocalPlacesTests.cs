using Lorikeet.Configuration;
using Lorikeet.Data;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

public sealed class LocalPlacesTests
{
    [Theory]
    [InlineData("/home/ann/secret project/qa.jsonl", "qa.jsonl")]
    [InlineData("/home/ann/data/", "data")]
    [InlineData("../../ann/qa.jsonl", "qa.jsonl")]
    [InlineData("~/qa.jsonl", "qa.jsonl")]
    [InlineData(@"C:\Users\Ann\qa.jsonl", "qa.jsonl")]
    [InlineData(@"\\server\ann\qa.jsonl", "qa.jsonl")]
    [InlineData("data/qa.jsonl", "data/qa.jsonl")]
    [InlineData("owner/name", "owner/name")]
    public void Path_IsShownByItsName(string path, string shown) => Assert.Equal(shown, LocalPlaces.Name(path));

    [Fact]
    public void PathBelowTheCurrentFolder_IsShownFromThere() =>
        Assert.Equal("data/qa.jsonl", LocalPlaces.Name(Path.Combine(Environment.CurrentDirectory, "data", "qa.jsonl")));

    [Theory]
    [InlineData("'/home/ann/my data/a.jsonl':3 is empty.", "'a.jsonl':3 is empty.")]
    [InlineData("/home/ann/a.jsonl:3 is empty", "a.jsonl:3 is empty")]
    [InlineData("[/home/ann/a.jsonl, ../b.jsonl]", "[a.jsonl, b.jsonl]")]
    [InlineData(
        "1/2 of https://huggingface.co/a/b, 3 tokens/s, a/b, ./lorikeet",
        "1/2 of https://huggingface.co/a/b, 3 tokens/s, a/b, ./lorikeet")]
    public void Text_KeepsAllButPlaces(string text, string shown) => Assert.Equal(shown, LocalPlaces.Hide(text));

    [Fact]
    public void Settings_ReportAndCommands_HoldNoPlaceOfThisMachine()
    {
        string[] secrets = ["/home/ann b/models/base", "/home/ann b/x.jsonl", "/home/ann b/t.jinja", "/home/ann b/lib"];
        var resolved = ResolvedOptions.FromCode(new TrainingOptions
        {
            Model = new ModelOptions { Model = secrets[0], LibTorch = secrets[3], Adapter = "/home/ann b/adapter" },
            Data = new DataOptions
            {
                Datasets = [secrets[1]],
                EvalDatasets = [secrets[1]],
                ChatTemplate = secrets[2],
                TokenCacheFolder = "/home/ann b/cache",
            },
        });
        var folder = new RunFolder(Directory.CreateTempSubdirectory("ann b ").FullName);
        var report = RecordedReport.Create() with
        {
            Summary = RecordedRun.Summary() with { Model = secrets[0] },
            Settings = ReportSettings.Of(resolved),
            Warnings = [$"'{secrets[1]}' has 3 rows that were cut."],
            NextCommands = [new(CommandPurpose.Chat, $"lorikeet chat --adapter {folder.AdapterFolder}")],
        };

        report.Write(folder);

        var pages = File.ReadAllText(folder.HtmlReport) + File.ReadAllText(folder.MarkdownReport);
        Assert.DoesNotContain("/home", pages);
        Assert.DoesNotContain("/ann b", pages);
        Assert.DoesNotContain(Path.GetTempPath(), pages);
        Assert.Contains("x.jsonl", pages);
        Assert.Contains(Path.GetFileName(folder.Folder) + "/adapter", pages.Replace('\\', '/'));
        Directory.Delete(folder.Folder, recursive: true);
    }
}
