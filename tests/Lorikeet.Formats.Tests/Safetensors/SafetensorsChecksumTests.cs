using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests.Safetensors;

public sealed class SafetensorsChecksumTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public SafetensorsChecksumTests()
    {
        _path = _folder["model.safetensors"];
        SafetensorsWriter.Write(
            _path, [TensorToWrite.FromArray("a", SafetensorsType.F32, [3], [1f, 2f, 3f])], withChecksum: true);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void File_AsItWasWritten_IsTaken()
    {
        using var folder = ModelWeights.Open(_folder.Path);
        using var file = SafetensorsFile.Open(_path);

        Assert.Equal("pt", file.Metadata["format"]);
        Assert.NotEqual(SafetensorsChecksum.Placeholder, file.Metadata[Checksum.Name]);
    }

    [Fact]
    public void AnyFlippedBit_IsRefusedOrLeavesAFileWithoutAChecksum()
    {
        var bytes = File.ReadAllBytes(_path);
        for (var bit = 0; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
            File.WriteAllBytes(_path, bytes);
            if (bytes.AsSpan().IndexOf("\"xxh128\":\""u8) >= 0)
                Assert.Throws<CheckpointException>(() => ModelWeights.Open(_folder.Path).Dispose());
            bytes[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    [Fact]
    public void FileThatAnotherProgramWroteAnew_IsTaken()
    {
        SafetensorsWriter.Write(_path, [TensorToWrite.FromArray("a", SafetensorsType.F32, [3], [1f, 2f, 4f])]);

        ModelWeights.Open(_folder.Path).Dispose();
    }

    [Fact]
    public void DamagedFile_CanStillBeLookedAtWithoutBeingRead()
    {
        var bytes = File.ReadAllBytes(_path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(_path, bytes);

        ModelWeights.Open(_folder.Path, checks: false).Dispose();
        Assert.Throws<CheckpointException>(() => ModelWeights.OpenFile(_path));
    }
}
