using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests;

public sealed class OutputPlaceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public OutputPlaceTests() => File.WriteAllText(_folder["file"], "x");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Require_AcceptsWhatIsThereAndWhatIsNot_AndLeavesNothing()
    {
        Directory.CreateDirectory(_folder["folder"]);
        OutputPlace.RequireFile("--output", _folder["file"]);
        OutputPlace.RequireFile("--output", _folder["new/deep/file"]);
        OutputPlace.RequireFolder("--output", _folder["folder"], isReplaced: true);
        OutputPlace.RequireFolder("--output", _folder["new/deep/folder"], isReplaced: false);
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(_folder.Path, "*", SearchOption.AllDirectories).Count());
    }

    [Theory]
    [InlineData("")]
    [InlineData("  ")]
    [InlineData("a\0b")]
    public void Require_RefusesANameThatNamesNothing(string path)
    {
        Assert.Throws<ConfigurationException>(() => OutputPlace.RequireFile("--output", path));
        Assert.Throws<ConfigurationException>(() => OutputPlace.RequireFolder("--output", path, isReplaced: false));
    }

    [Fact]
    public void Require_RefusesAFileWhereAFolderIsWanted_AndAFolderWhereAFileIs()
    {
        var file = _folder["file"];
        var fault = Assert.Throws<ConfigurationException>(
            () => OutputPlace.RequireFolder("--output", file, isReplaced: true));
        Assert.Contains("which is a file. A folder was expected.", fault.Message);
        var below = Assert.Throws<ConfigurationException>(
            () => OutputPlace.RequireFolder("--output", file + "/x/y", isReplaced: false));
        Assert.Contains($"'{file}' is a file, not a folder", below.Message);
        Assert.Throws<ConfigurationException>(() => OutputPlace.RequireFile("--output", _folder.Path));
    }

    [Fact]
    public void Require_RefusesAPlaceWhereNothingCanBeWritten()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc takes no files, even of root.");
        var fault = Assert.Throws<StorageException>(
            () => OutputPlace.RequireFolder("--output", "/proc/x/y", isReplaced: false));
        Assert.False(fault.IsEnvironmental);
        Assert.StartsWith("--output: '/proc/x/y' cannot be written: ", fault.Message);
        Assert.Throws<StorageException>(() => OutputPlace.RequireFile("--output", "/proc/x"));
    }

    [Fact]
    public void Require_RefusesAMountedDiskInAReplacedFoldersPlace()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/dev/shm is a disk of its own on Linux.");
        Assert.Contains(
            "mounted",
            Assert.Throws<ConfigurationException>(
                () => OutputPlace.RequireFolder("--output", "/dev/shm", isReplaced: true)).Message);
    }

    [Fact]
    public void RequireSpace_SaysWhatIsFreeAndWhatIsNeeded()
    {
        OutputPlace.RequireSpace(_folder["new/run"], 1);
        var fault = Assert.Throws<StorageException>(() => OutputPlace.RequireSpace(_folder["new/run"], long.MaxValue));
        Assert.True(fault.IsEnvironmental);
        Assert.Matches(@"is full: \S+ \S+ free, \d+ TiB needed for 'run'\. Free some space", fault.Message);
    }

    [Fact]
    public void RequireApart_SeesThroughLinksAndDots()
    {
        Directory.CreateDirectory(_folder["base"]);
        File.WriteAllText(_folder["base/model.safetensors"], "weights");
        Directory.CreateSymbolicLink(_folder["link"], _folder["base"]);
        Directory.CreateSymbolicLink(_folder["all"], _folder.Path);
        var input = _folder["base"];
        string[] outputs =
            [input, input + "/", _folder["new/../base"], _folder["link"], _folder["all/link"], _folder.Path];
        foreach (var output in outputs)
            Assert.Throws<ConfigurationException>(() => Check(output, isFolder: true));
        Assert.Throws<ConfigurationException>(() => Check(_folder["link/model.safetensors"], isFolder: false));

        Check(_folder["link/new.gguf"], isFolder: false);
        Check(_folder["base/merged"], isFolder: true);
        Check(_folder["base2"], isFolder: true);
        Check(_folder["base.gguf"], isFolder: false);

        void Check(string output, bool isFolder) =>
            OutputPlace.RequireApart("--output", output, isFolder, "the model", input);
    }

    [Fact]
    public void Write_SaysThatTheDiskIsFull()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/dev/full is a device of Linux.");
        var fault = Assert.Throws<StorageException>(() => AtomicFile.WriteText("/dev/full", "text"));
        Assert.True(fault.IsEnvironmental);
        Assert.StartsWith("The disk of '/dev' is full: ", fault.Message);
    }

    [Fact]
    public void Write_TranslatesAFullDiskMidway_AndLeavesNothing()
    {
        var full = new IOException(
            "No space left on device", OperatingSystem.IsWindows() ? unchecked((int)0x80070070) : 28);
        var file = Assert.Throws<StorageException>(
            () => AtomicFile.Write(_folder["big"], _ => throw full, byteCount: 3 << 20));
        Assert.Contains("3.00 MiB needed for 'big'", file.Message);
        var folder = Assert.Throws<StorageException>(() =>
            AtomicFolder.Write(
                _folder["step"], path => AtomicFile.Write(Path.Combine(path, "weights"), _ => throw full, 5)));
        Assert.Contains("5 B needed for 'weights'", folder.Message);
        Assert.DoesNotContain("lorikeet-new", folder.Message);
        Assert.Equal([_folder["file"]], Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Write_NamesTheFileInTheWay()
    {
        var fault = Assert.Throws<StorageException>(() => AtomicFile.WriteText(_folder["file/x"], "text"));
        Assert.False(fault.IsEnvironmental);
        Assert.Contains($"'{_folder["file"]}' is a file, not a folder", fault.Message);
        Assert.Throws<StorageException>(() => AtomicFolder.Write(_folder["file/x"], _ => { }));
    }
}
