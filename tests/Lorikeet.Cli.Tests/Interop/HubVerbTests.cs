using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Testing;
using TemporaryFolder = Lorikeet.Testing.TemporaryFolder;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>
/// Models and datasets by their ids, with the variables of other Hugging Face tools, from a hub on this machine.
/// </summary>
public sealed class HubVerbTests : IDisposable
{
    private static readonly string s_nano = Path.Combine(TestAssets.Root, "assets", "nano-base");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task PrivateModel_IsFetchedWithTheToken_AndFoundOffline()
    {
        await using var hub = await LocalHub.StartAsync();
        var repository = hub.Repositories["me/nano"] = new ServedRepository { IsPrivate = true };
        foreach (var name in (string[])
        [
            "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
        ])
            repository.Files[name] = File.ReadAllBytes(Path.Combine(s_nano, name));
        repository.Files["model.safetensors"] = new byte[2000];
        File.WriteAllText(_folder["rows.jsonl"], """{"text": "Hanoi"}""");
        string[] arguments = ["tokenize", "--model", "me/nano", "--input", _folder["rows.jsonl"]];
        var local = CliProcess.Run("tokenize", "--model", s_nano, "--input", _folder["rows.jsonl"]);

        var refused = CliProcess.RunIn(_folder.Path, Environment(hub, token: null), arguments);
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("HF_TOKEN", refused.Error);

        var fetched = CliProcess.RunIn(_folder.Path, Environment(hub, LocalHub.Token), arguments);
        Assert.Equal((0, local.Output), (fetched.ExitCode, fetched.Output));
        Assert.True(Directory.Exists(_folder[Path.Combine("home", "hub", "models--me--nano", "snapshots")]));

        var requests = hub.Requests.Count;
        var offline = CliProcess.RunIn(
            _folder.Path, [.. Environment(hub, token: null), ("HF_HUB_OFFLINE", "1")], arguments);
        Assert.Equal((0, local.Output), (offline.ExitCode, offline.Output));
        Assert.Equal(requests, hub.Requests.Count);
    }

    [Fact]
    public async Task ConfigurationAndPartOfAHubDataset_AreTrainedOn()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add("datasets/owner/questions",
            ("README.md", Encoding.UTF8.GetBytes("""
                ---
                configs:
                - {config_name: en, data_files: [{split: train, path: "en/*.jsonl"}]}
                - {config_name: vi, data_files: [{split: train, path: "vi/*.jsonl"}]}
                ---
                """)),
            ("en/a.jsonl", Rows("What is the number")), ("vi/a.jsonl", Rows("Số nào là số")));
        string[] arguments =
        [
            "train", "--model", s_nano, "--dataset", "owner/questions", "--dataset_split", "train[:50%]", "--dry_run",
            "--json", "--sample_count", "0",
        ];

        var undecided = CliProcess.RunIn(_folder.Path, Environment(hub, token: null), arguments);
        Assert.Equal(2, undecided.ExitCode);
        Assert.Contains("en, vi", undecided.Error);

        var trained = CliProcess.RunIn(
            _folder.Path, Environment(hub, token: null),
            [.. arguments, "--dataset_config_name", "vi", "--logging_steps", "1"]);
        Assert.Equal(0, trained.ExitCode);
        Assert.Contains("20 rows", trained.Error);

        var elsewhere = CliProcess.RunIn(
            _folder.Path, Environment(hub, token: null),
            [.. arguments, "--dataset_config_name", "vi", "--dataset_revision", "v9"]);
        Assert.Equal(2, elsewhere.ExitCode);
        Assert.Contains("has no revision 'v9'", elsewhere.Error);
    }

    private static byte[] Rows(string question) => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 40).Select(
        i => new JsonObject { ["question"] = $"{question} {i}?", ["answer"] = $"{i}" }.ToJsonString() + "\n")));

    private (string, string)[] Environment(LocalHub hub, string? token) =>
    [
        ("HF_ENDPOINT", hub.Endpoint.ToString()), ("HF_HOME", _folder["home"]), ("HF_TOKEN", token ?? ""),
    ];
}
