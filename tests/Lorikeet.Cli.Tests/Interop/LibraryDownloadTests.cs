using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Testing;
using TemporaryFolder = Lorikeet.Testing.TemporaryFolder;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>Models that the library fetches by their ids, from a hub on this machine.</summary>
[Collection(nameof(HubOfTheProcess))]
public sealed class LibraryDownloadTests : IDisposable
{
    private static readonly string s_nano = Path.Combine(TestAssets.Root, "assets", "nano-base");

    private readonly TemporaryFolder _folder = new();
    private readonly LanguageModelOptions _options = new() { Device = "cpu" };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Load_ReportsTheBytesThatCome_ThenTheLayers()
    {
        await using var hub = await Serve();
        using var variables = new HubOfTheProcess(hub, _folder.Path);
        var reports = new List<LoadProgress>();

        using var model = LanguageModel.Load("me/nano", _options, new Reported(reports.Add));

        var bytes = reports.Where(report => report.Phase == LoadPhase.Downloading).ToList();
        Assert.Equal(
            hub.Repositories["me/nano"].Files.Values.Sum(file => (long)file.Length), bytes.Max(report => report.Done));
        Assert.All(bytes, report => Assert.Equal(bytes[^1].Done, report.Total));
        var layers = reports.SkipWhile(report => report.Phase == LoadPhase.Downloading).ToList();
        Assert.Equal(Enumerable.Range(1, 8), layers.Select(report => (int)report.Done));
        Assert.All(layers, report => Assert.Equal((LoadPhase.Loading, 8L), (report.Phase, report.Total)));
    }

    [Fact]
    public async Task Load_CanBeCancelledWhileBytesCome()
    {
        await using var hub = await Serve();
        using var variables = new HubOfTheProcess(hub, _folder.Path);
        using var stop = new CancellationTokenSource();
        var progress = new Reported(report =>
        {
            if (report.Done > 0)
                stop.Cancel();
        });

        Assert.ThrowsAny<OperationCanceledException>(
            () => LanguageModel.Load("me/nano", _options, progress, stop.Token));
    }

    private static async Task<LocalHub> Serve()
    {
        var hub = await LocalHub.StartAsync();
        string[] files =
        [
            "config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
            "model.safetensors.index.json",
            .. Directory.GetFiles(s_nano, "*.safetensors").Select(Path.GetFileName)!,
        ];
        hub.Add("me/nano", [.. files.Select(name => (name, File.ReadAllBytes(Path.Combine(s_nano, name))))]);
        return hub;
    }

    private sealed class Reported(Action<LoadProgress> report) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value)
        {
            lock (report)
                report(value);
        }
    }
}
