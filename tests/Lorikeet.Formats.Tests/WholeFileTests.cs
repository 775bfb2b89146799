using System.Diagnostics;
using Lorikeet.Formats.Json;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests;

/// <summary>What lies in a file's place and is none: opening a pipe waits for ever, a device has no end.</summary>
public sealed class WholeFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void APipe_HasNothingToRead()
    {
        var pipe = Pipe("config.json");
        Assert.True(WholeFile.IsEmpty(pipe));
        Assert.Empty(WholeFile.ReadBytes(pipe));
        Assert.ThrowsAny<LorikeetException>(() => JsonSetting.Read(pipe));
        using var mapped = new MappedFile(Pipe("model.safetensors"));
        Assert.Equal(0, mapped.Length);
    }

    [Fact]
    public void ALinkToADevice_HasNothingToRead()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such devices.");
        File.CreateSymbolicLink(_folder["link"], "/dev/zero");
        Assert.Equal("", WholeFile.ReadText(_folder["link"]));
    }

    [Fact]
    public void ALinkToAFile_IsTheFile()
    {
        File.WriteAllText(_folder["file"], "Huế");
        File.CreateSymbolicLink(_folder["link"], _folder["file"]);
        Assert.False(WholeFile.IsEmpty(_folder["link"]));
        Assert.Equal("Huế", WholeFile.ReadText(_folder["link"]));
    }

    [Fact]
    public void MoreThanSuchAFileHas_IsRefused()
    {
        File.WriteAllText(_folder["file"], "12345");
        Assert.Equal("12345", WholeFile.ReadText(_folder["file"], most: 5));
        var fault = Assert.Throws<IOException>(() => WholeFile.ReadText(_folder["file"], most: 4));
        Assert.Contains("more than 4 bytes", fault.Message);
    }

    private string Pipe(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no pipes in folders.");
        using var made = Process.Start("mkfifo", [_folder[name]]);
        made.WaitForExit();
        Assert.Equal(0, made.ExitCode);
        return _folder[name];
    }
}
