using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Tests;

public class DatasetTests
{
    private static readonly byte[] Rows = "{\"a\": 1}"u8.ToArray();

    [Fact]
    public async Task Dataset_BringsItsDataFilesAndCard()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(
            "datasets/owner/qa",
            ("README.md", Rows), ("data/train.jsonl", Rows), ("data/eval.csv.gz", Rows), ("images/a.png", Rows),
            (".gitattributes", Rows));
        using var client = hub.Client();

        var folder = await client.ResolveAsync("owner/qa", RepositoryKind.Dataset);

        Assert.StartsWith(Path.Combine(hub.CacheFolder, "datasets--owner--qa"), folder);
        Assert.Equal(
            ["README.md", Path.Combine("data", "eval.csv.gz"), Path.Combine("data", "train.jsonl")], Files(folder));
        var link = new FileInfo(Path.Combine(folder, "data", "train.jsonl")).LinkTarget;
        Assert.StartsWith(Path.Combine("..", "..", "..", "blobs"), link);
    }

    [Fact]
    public async Task Dataset_OfAScript_IsTakenFromTheConversion()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Repositories["datasets/squad"] = new ServedRepository
        {
            Files = { ["squad.py"] = Rows, ["README.md"] = Rows, ["dataset_infos.json"] = Rows },
            Conversion = new() { ["plain_text/train/0000.parquet"] = Rows },
        };
        using var client = hub.Client();

        var folder = await client.ResolveAsync("squad", RepositoryKind.Dataset);

        Assert.Equal([Path.Combine("plain_text", "train", "0000.parquet")], Files(folder));
        Assert.True(File.Exists(
            Path.Combine(hub.CacheFolder, "datasets--squad", "refs", "refs", "convert", "parquet")));
        using var offline = hub.Client(isOffline: true);
        Assert.Equal(folder, await offline.ResolveAsync("squad", RepositoryKind.Dataset));
    }

    [Fact]
    public async Task Dataset_OfAScript_WithoutConversion_IsExplained()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add("datasets/owner/script", ("script.py", Rows));
        using var client = hub.Client();

        var error = await Assert.ThrowsAsync<HubException>(() =>
            client.ResolveAsync("owner/script", RepositoryKind.Dataset));
        Assert.Contains("never run", error.Message);
    }

    private static string[] Files(string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file)).Order(StringComparer.Ordinal)];
}
