using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Testing;
using TemporaryFolder = Lorikeet.Testing.TemporaryFolder;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>Publishing as a user does it, to a hub on this machine.</summary>
public sealed class PushVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Push_RunsAdapter_IsFetchedAgainByItsId()
    {
        await using var hub = await LocalHub.StartAsync();
        WriteRun("owner/base");
        var result = Push(
            hub, "--adapter", _folder.Path, "--repo", "me/tuned", "--private", "--commit_message", "First", "--json");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal($"{hub.Endpoint}me/tuned", (string?)JsonNode.Parse(result.Output)!["url"]);

        var repository = hub.Repositories["me/tuned"];
        Assert.True(repository.IsPrivate);
        Assert.Equal("First", (string?)hub.LastCommit!["summary"]);
        Assert.Equal(
            ["README.md", "adapter_config.json", "adapter_model.safetensors", "prompt_format.json"],
            repository.Files.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(
            File.ReadAllBytes(_folder["adapter/adapter_model.safetensors"]),
            repository.Files["adapter_model.safetensors"]);
        Assert.Contains(hub.Requests, request => request.StartsWith("PUT storage", StringComparison.Ordinal));

        var card = Encoding.UTF8.GetString(repository.Files["README.md"]);
        Assert.Contains("base_model: owner/base", card);
        Assert.Contains("library_name: peft", card);
        Assert.Contains("| lora_r | 4 |", card);
        Assert.Contains("--adapter me/tuned", card);
        Assert.Contains("### Human: What is the capital of Vietnam?", card);
    }

    [Fact]
    public async Task Push_AdapterOnAFolderOfThisMachine_NeedsTheIdOfItsBase()
    {
        await using var hub = await LocalHub.StartAsync();
        WriteRun("/models/base");
        string[] arguments = ["--adapter", _folder["adapter"], "--repo", "me/tuned", "--revision", "v2"];
        var refused = Push(hub, arguments);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("/models/base", refused.Error);
        Assert.Contains("--base_model", refused.Error);
        Assert.Empty(hub.Repositories);

        var pushed = Push(hub, [.. arguments, "--base_model", "owner/base"]);
        Assert.Equal((0, ""), (pushed.ExitCode, pushed.Error));
        var config = JsonNode.Parse(hub.Repositories["me/tuned"].Files["adapter_config.json"])!;
        Assert.Equal("owner/base", (string?)config["base_model_name_or_path"]);
        Assert.Contains("v2", hub.Repositories["me/tuned"].Branches);
    }

    [Fact]
    public async Task Push_ThatIsRefused_LeavesTheAdapterOnItsBase()
    {
        await using var hub = await LocalHub.StartAsync();
        WriteRun("/models/base");
        File.WriteAllText(_folder["adapter/base_model.json"], "{}");
        string[] files = ["adapter/adapter_config.json", "adapter/base_model.json"];
        string[] before = [.. files.Select(file => File.ReadAllText(_folder[file]))];

        var result = CliProcess.RunIn(
            Directory.GetCurrentDirectory(),
            [("HF_ENDPOINT", hub.Endpoint.ToString()), ("HF_TOKEN", "wrong"), ("HF_HOME", hub.CacheFolder)],
            "push", "--adapter", _folder["adapter"], "--repo", "me/tuned", "--base_model", "owner/base");

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("HF_TOKEN", result.Error);
        Assert.Equal(before, files.Select(file => File.ReadAllText(_folder[file])));
    }

    [Fact]
    public async Task Push_MergedModelAsPullRequest_SaysWhereItIs()
    {
        await using var hub = await LocalHub.StartAsync();
        var model = TestAssets.Golden("models", "gqa_sharded");
        foreach (var file in Directory.EnumerateFiles(model))
            File.Copy(file, _folder[Path.GetFileName(file)]);
        var result = Push(
            hub, "--model", _folder.Path, "--repo", "me/merged", "--create_pr", "--base_model", "owner/base",
            "--license", "mit");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Contains("me/merged/discussions/1", result.Output);
        var card = Encoding.UTF8.GetString(hub.Repositories["me/merged"].Files["README.md"]);
        Assert.Contains("license: mit", card);
        Assert.Contains("library_name: transformers", card);
    }

    [Theory]
    [InlineData("No folder is named", "--repo", "me/a")]
    [InlineData("No repository is named", "--adapter", ".")]
    [InlineData("has no adapter_config.json and no config.json", "--adapter", ".", "--repo", "me/a")]
    public void Push_WrongArguments_AreNamed(string expected, params string[] arguments)
    {
        var result = CliProcess.RunIn(_folder.Path, [], ["push", .. arguments]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(expected, result.Error);
    }

    public void Dispose() => _folder.Dispose();

    private static CliResult Push(LocalHub hub, params string[] arguments) => CliProcess.RunIn(
        Directory.GetCurrentDirectory(),
        [("HF_ENDPOINT", hub.Endpoint.ToString()), ("HF_TOKEN", LocalHub.Token), ("HF_HOME", hub.CacheFolder)],
        ["push", .. arguments]);

    private void WriteRun(string baseModel)
    {
        Directory.CreateDirectory(_folder["adapter"]);
        foreach (var name in (string[])["adapter_config.json", "adapter_model.safetensors"])
            File.Copy(TestAssets.Golden("lora", "seed_qv", "final", name), _folder[Path.Combine("adapter", name)]);
        var config = JsonNode.Parse(File.ReadAllText(_folder["adapter/adapter_config.json"]))!;
        config["base_model_name_or_path"] = baseModel;
        File.WriteAllText(_folder["adapter/adapter_config.json"], config.ToJsonString());
        Data.Prompts.PromptFormats.Create("guanaco", null).Save(_folder["adapter"]);
        File.WriteAllText(_folder["run.yaml"], "model: owner/base\ndataset: owner/questions\nlora_r: 4\n");
    }
}
