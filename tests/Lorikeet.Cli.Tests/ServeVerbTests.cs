using Lorikeet.Cli.Inference;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

public sealed class ServeVerbTests : IDisposable
{
    private static readonly string s_model = Path.Combine(TestAssets.Root, "assets", "nano-base");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Program_AnswersUntilItIsAskedToEnd_AndThenEndsWell()
    {
        const string said = "Listening on ";
        var address = new TaskCompletionSource<string>();
        var asks = new TaskCompletionSource<string>();
        using var process = CliProcess.Start(Directory.GetCurrentDirectory(), line =>
        {
            if (line.StartsWith(said, StringComparison.Ordinal))
                address.TrySetResult(line[said.Length..]);
            if (line.Contains("curl ", StringComparison.Ordinal))
                asks.TrySetResult(line);
        }, "serve", "--model", s_model, "--device", "cpu", "--port", "0");
        try
        {
            using var client = new HttpClient { BaseAddress = new Uri(await address.Task) };
            Assert.Contains(
                "\"nano-base\"", await client.GetStringAsync("v1/models", TestContext.Current.CancellationToken),
                StringComparison.Ordinal);
            Assert.Contains($"{client.BaseAddress}v1/chat/completions", await asks.Task, StringComparison.Ordinal);
            CliProcess.Send(process, Signal.Terminate);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, process.ExitCode);
        }
        finally
        {
            process.Kill();
        }
    }

    [Fact]
    public void OtherMachines_AreNotLetInWithoutAKey()
    {
        var result = Cli.Run("serve", "--model", s_model, "--device", "cpu", "--host", "0.0.0.0", "--port", "0");
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--host is '0.0.0.0'", result.Error, StringComparison.Ordinal);
        Assert.Contains("--api_key", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void WatchedRunThatIsNotThere_NeedsAModel()
    {
        var result = Cli.Run("serve", "--watch", _folder["qa"]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--model", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void AdaptersWithoutNames_AreCalledAsTheirFolderOrRun()
    {
        foreach (var folder in (string[])["runs/qa/adapter", "style"])
            Directory.CreateDirectory(_folder[folder]);
        var options = new InferenceOptions
        {
            Adapters = [_folder["runs/qa/adapter"], _folder["style"] + "/", "a=" + _folder["style"], "owner/french"],
        };

        var named = NamedAdapter.Parse(ServedNames.WithNames(options).Adapters);
        Assert.Equal(["qa", "style", "a", "french"], named.Select(adapter => adapter.Name));
        Assert.Equal("owner/french", named[3].Source);
    }
}
