using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests;

public class AtomicFileTests
{
    [Fact]
    public void Write_ReplacesTheFileAndMakesItsFolder()
    {
        using var folder = new TemporaryFolder();
        var path = folder["new/sub/file.txt"];
        AtomicFile.WriteText(path, "old and longer");
        AtomicFile.WriteText(path, "chữ Việt");
        Assert.Equal("chữ Việt", File.ReadAllText(path));
        Assert.Equal("chữ Việt"u8.ToArray(), File.ReadAllBytes(path));
    }

    [Fact]
    public void Write_LeavesTheOldFileAndNothingElse_WhenTheWriterFails()
    {
        using var folder = new TemporaryFolder();
        AtomicFile.WriteText(folder["file"], "old");
        Assert.Throws<InvalidOperationException>(() => AtomicFile.Write(folder["file"], stream =>
        {
            stream.Write("half"u8);
            throw new InvalidOperationException();
        }));
        Assert.Equal("old", File.ReadAllText(folder["file"]));
        Assert.Single(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void TryWrite_KeepsWhatWasThere_WhenTheNewIsNotToBeKept()
    {
        using var folder = new TemporaryFolder();
        Assert.True(AtomicFile.TryWrite(folder["file"], path => Write(path, "old")));
        Assert.False(AtomicFile.TryWrite(folder["file"], path => !Write(path, "new")));
        Assert.Equal("old", File.ReadAllText(folder["file"]));
        Assert.True(AtomicFolder.TryWrite(folder["run"], path => Write(Path.Combine(path, "a"), "old")));
        Assert.False(AtomicFolder.TryWrite(folder["run"], path => !Write(Path.Combine(path, "b"), "new")));
        Assert.Equal([folder["run/a"]], Directory.EnumerateFileSystemEntries(folder["run"]));
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(folder.Path).Count());

        static bool Write(string path, string text)
        {
            File.WriteAllText(path, text);
            return true;
        }
    }

    [Fact]
    public void Folder_ReplacesAsAWhole()
    {
        using var folder = new TemporaryFolder();
        AtomicFolder.Write(folder["run"], path => File.WriteAllText(Path.Combine(path, "a"), "1"));
        AtomicFolder.Write(folder["run"] + "/", path => File.WriteAllText(Path.Combine(path, "b"), "2"));
        Assert.Equal([folder["run/b"]], Directory.EnumerateFileSystemEntries(folder["run"]));
        Assert.Single(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Folder_LeavesTheOldOne_WhenTheWriterFails()
    {
        using var folder = new TemporaryFolder();
        AtomicFolder.Write(folder["run"], path => File.WriteAllText(Path.Combine(path, "a"), "1"));
        Assert.Throws<InvalidOperationException>(() => AtomicFolder.Write(folder["run"], path =>
        {
            File.WriteAllText(Path.Combine(path, "b"), "2");
            throw new InvalidOperationException();
        }));
        Assert.Equal([folder["run/a"]], Directory.EnumerateFileSystemEntries(folder["run"]));
        Assert.Single(Directory.EnumerateFileSystemEntries(folder.Path));
    }
}
