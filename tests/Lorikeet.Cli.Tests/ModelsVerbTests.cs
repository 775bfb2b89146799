using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Hub.Cache;
using Lorikeet.Hub.Transport;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

public sealed class ModelsVerbTests : IDisposable
{
    private const string Id = "lorikeet-tests/tiny";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Ls_NamesWhatWasFetched_AndRm_AsksFirst()
    {
        Keep("models--lorikeet-tests--tiny", 3000);
        Keep("datasets--lorikeet-tests--rows", 10);
        (string, string)[] cache = [("HF_HUB_CACHE", _folder.Path)];

        var listed = CliProcess.RunIn(_folder.Path, cache, "models", "ls", "--json");
        var found = JsonNode.Parse(listed.Output)!.AsArray();
        Assert.Equal([Id, "lorikeet-tests/rows"], found.Select(one => (string)one!["id"]!));
        Assert.Equal((3000, "main"), ((int)found[0]!["bytes"]!, (string)found[0]!["revisions"]![0]!));
    }

    [Fact]
    public void Remove_LeavesWhatIsInUse()
    {
        var blob = Keep("models--lorikeet-tests--tiny", 3000);
        var settings = HubSettings.From(name => name == "HF_HUB_CACHE" ? _folder.Path : null);
        var one = Assert.Single(CachedRepository.In(settings));

        using (File.Open(blob, FileMode.Open, FileAccess.Read, FileShare.Read))
        {
            var error = Assert.Throws<ConfigurationException>(one.Remove);
            Assert.Contains($"'{Id}' is in use by", error.Message);
            Assert.True(File.Exists(blob));
        }

        if (OperatingSystem.IsLinux())
        {
            using var mapped = new MappedFile(blob);
            Assert.NotNull(one.User());
        }

        var locks = _folder[".locks/models--lorikeet-tests--tiny"];
        Directory.CreateDirectory(locks);
        using (new FileStream(Path.Combine(locks, "a.lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None))
            Assert.Equal("a download", one.User());

        Assert.Null(one.User());
        one.Remove();
        Assert.Empty(CachedRepository.In(settings));
        Assert.False(Directory.Exists(one.Folder));
    }

    [Fact]
    public void Remove_WithoutAnswer_RemovesNothing()
    {
        var refused = Cli.Run("models", "rm");
        Assert.Contains("No model is named.", refused.Error);
        var unknown = Cli.Run("models", "rm", "lorikeet-tests/none", "--yes");
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("does not lie in the cache", unknown.Error);
    }

    private string Keep(string name, int bytes)
    {
        var blob = _folder[$"{name}/blobs/abc"];
        var snapshot = _folder[$"{name}/snapshots/{new string('c', 40)}/weights.bin"];
        var reference = _folder[$"{name}/refs/main"];
        foreach (var file in new[] { blob, snapshot, reference })
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(blob, new byte[bytes - 1]);
        File.WriteAllText(reference, "c");
        File.CreateSymbolicLink(snapshot, blob);
        return blob;
    }
}
