using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Lora;

namespace Lorikeet.Tests.Lora;

public sealed class AdapterFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lorikeet-base").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void LocalBaseThatIsGone_IsNeverTakenForAHubId()
    {
        var (adapter, models) = WriteAdapter();
        Assert.Equal(models, AdapterFolder.Open(adapter).FindBase());

        // As it was trained: with a path that could be an id.
        File.WriteAllText(
            Path.Combine(adapter, AdapterConfig.FileName), AdapterConfig.Write(new LoraOptions(), "assets/tiny-base"));
        var error = Assert.Throws<CheckpointException>(() => AdapterFolder.Open(adapter).FindBase());

        Assert.Equal(
            $"'{adapter}' was trained on the local folder 'assets/tiny-base', which is not below "
            + $"{Environment.CurrentDirectory}. Name it as 'model'.",
            error.Message);
    }

    [Fact]
    public void BaseOfTheHub_IsAnId_AndAPathIsNone()
    {
        var (adapter, _) = WriteAdapter();
        AdapterFolder.Write(adapter, new LoraOptions(), "owner/name", []);
        Assert.Equal("owner/name", AdapterFolder.Open(adapter).FindBase());
        Assert.False(File.Exists(Path.Combine(adapter, AdapterFolder.BaseFile)));

        File.WriteAllText(
            Path.Combine(adapter, AdapterConfig.FileName),
            AdapterConfig.Write(new LoraOptions(), "/home/someone/model"));
        Assert.Contains(
            "local folder '/home/someone/model'",
            Assert.Throws<CheckpointException>(() => AdapterFolder.Open(adapter).FindBase()).Message);
    }

    [Fact]
    public void BaseFolderWithOtherWeights_IsNoted()
    {
        var (adapter, models) = WriteAdapter();
        var notes = new List<string>();
        using var listening = ModelSource.Listen(notes.Add);
        AdapterFolder.Open(adapter).FindBase();
        Assert.Empty(notes);
        File.WriteAllText(Path.Combine(models, "model.safetensors"), "other weights");
        AdapterFolder.Open(adapter).FindBase();
        Assert.Contains("other weights", Assert.Single(notes));
    }

    private (string Adapter, string Base) WriteAdapter()
    {
        var (adapter, models) = (Path.Combine(_folder, "adapter"), Path.Combine(_folder, "models", "tiny-base"));
        Directory.CreateDirectory(adapter);
        Directory.CreateDirectory(models);
        File.WriteAllText(Path.Combine(models, "model.safetensors"), "weights");
        AdapterFolder.Write(adapter, new LoraOptions(), models, []);
        return (adapter, models);
    }
}
