using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Pickle;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests;

public sealed class GitLfsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("pytorch_model.bin")]
    [InlineData("model.gguf")]
    [InlineData("tokenizer.json")]
    public void APointerInAFilesPlaceIsCalledOne_ByEveryReader(string name)
    {
        var path = _folder[name];
        File.WriteAllText(path, "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n");

        var fault = Assert.Throws<CheckpointException>(() => Read(path)).Message;

        Assert.Contains("Git LFS pointer", fault);
        Assert.Contains(path, fault);
        Assert.Contains("git lfs pull", fault);
    }

    private static void Read(string path)
    {
        switch (Path.GetExtension(path))
        {
            case ".safetensors":
                SafetensorsFile.Open(path).Dispose();
                break;
            case ".bin":
                TorchFile.Open(path).Dispose();
                break;
            case ".gguf":
                GgufFile.Open(path).Dispose();
                break;
            default:
                JsonSetting.Read(path);
                break;
        }
    }
}
