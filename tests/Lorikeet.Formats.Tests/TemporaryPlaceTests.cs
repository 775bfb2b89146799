using System.Diagnostics;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests;

/// <remarks>Nothing runs beside them: one deletes what the whole process is writing.</remarks>
[CollectionDefinition(nameof(TemporaryPlaceTests), DisableParallelization = true)]
[Collection(nameof(TemporaryPlaceTests))]
public sealed class TemporaryPlaceTests : IDisposable
{
    private const string Guid = "0123456789abcdef0123456789abcdef";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Sweep_RemovesWhatAKilledProcessLeft()
    {
        File.WriteAllText(_folder[$".model.gguf.{Guid}.lorikeet-tmp"], "half");
        Claim("merged");
        Directory.CreateDirectory(_folder[$".merged.{Guid}.lorikeet-new"]);
        File.WriteAllText(_folder[$".merged.{Guid}.lorikeet-new/shard"], "half");
        TemporaryPlace.Sweep(_folder.Path);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    /// <summary>
    /// A process was told to end while one of its threads wrote on, or while the folder before was going.
    /// </summary>
    [Theory]
    [InlineData("new")]
    [InlineData("old")]
    public void Sweep_RemovesAFolderThatLostItsClaim(string ending)
    {
        Directory.CreateDirectory(_folder[$".merged.{Guid}.lorikeet-{ending}"]);
        File.WriteAllText(_folder[$".merged.{Guid}.lorikeet-{ending}/shard"], "half");
        TemporaryPlace.Sweep(_folder.Path);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(".notes.tmp")]
    [InlineData(".model.0123.lorikeet-tmp")]
    [InlineData($"model.{Guid}.lorikeet-tmp")]
    [InlineData($".model.{Guid}.tmp")]
    public void Sweep_LeavesFilesOfOtherNames(string name)
    {
        File.WriteAllText(_folder[name], "mine");
        TemporaryPlace.Sweep(_folder.Path);
        Assert.Equal("mine", File.ReadAllText(_folder[name]));
    }

    [Fact]
    public void Sweep_LeavesWhatIsBeingWritten()
    {
        using var file = TemporaryPlace.ForFile(_folder["file"]);
        using var folder = TemporaryPlace.ForFolder(_folder["folder"]);
        TemporaryPlace.Sweep(_folder.Path);
        Assert.True(File.Exists(file.Location));
        Assert.True(Directory.Exists(folder.Location));
        file.TakeName();
        folder.TakeName();
        Assert.True(File.Exists(_folder["file"]));
        Assert.True(Directory.Exists(_folder["folder"]));
    }

    [Fact]
    public void Sweep_LeavesWhatAnotherProcessHolds_UntilItIsKilled()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "flock is a command of Linux.");
        var claim = _folder[$".model.{Guid}.lorikeet-tmp"];
        using var owner =
            Process.Start(new ProcessStartInfo("flock", ["--shared", claim, "sh", "-c", "echo held; exec sleep 60"])
            {
                RedirectStandardOutput = true,
            })!;
        Assert.Equal("held", owner.StandardOutput.ReadLine());
        TemporaryPlace.Sweep(_folder.Path);
        Assert.True(File.Exists(claim));

        owner.Kill(entireProcessTree: true);
        owner.WaitForExit();
        Assert.True(SpinWait.SpinUntil(() => IsGoneAfterASweep(claim), TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Sweep_FinishesAReplacementThatWasKilledBetweenItsTwoRenames()
    {
        Claim("merged");
        Directory.CreateDirectory(_folder[$".merged.{Guid}.lorikeet-new"]);
        File.WriteAllText(_folder[$".merged.{Guid}.lorikeet-new/which"], "new");
        Directory.CreateDirectory(_folder[$".merged.{Guid}.lorikeet-old"]);
        TemporaryPlace.Sweep(_folder.Path);
        Assert.Equal("new", File.ReadAllText(_folder["merged/which"]));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Sweep_KeepsWhatTookTheNameOfAFolderThatWasBeingReplaced()
    {
        Claim("merged");
        Directory.CreateDirectory(_folder[$".merged.{Guid}.lorikeet-old"]);
        Directory.CreateDirectory(_folder["merged"]);
        TemporaryPlace.Sweep(_folder.Path);
        Assert.Equal([_folder["merged"]], Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void DeleteAll_LeavesNothingOfAProcessThatIsToldToEnd()
    {
        using var file = TemporaryPlace.ForFile(_folder["file"]);
        using var folder = TemporaryPlace.ForFolder(_folder["folder"]);
        TemporaryPlace.DeleteAll();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void FolderThatCouldNeitherBeReplacedNorPutBack_IsPutBackByASweep()
    {
        Directory.CreateDirectory(_folder["merged"]);
        File.WriteAllText(_folder["merged/which"], "old");
        using (var place = TemporaryPlace.ForFolder(_folder["merged"]))
            Directory.Move(_folder["merged"], Path.ChangeExtension(place.Location, ".lorikeet-old"));
        Assert.False(Directory.Exists(_folder["merged"]));
        TemporaryPlace.Sweep(_folder.Path);
        Assert.Equal("old", File.ReadAllText(_folder["merged/which"]));
        Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void FolderThatIsMadeAgainAfterDeleteAll_NeverTakesTheName()
    {
        using var folder = TemporaryPlace.ForFolder(_folder["folder"]);
        TemporaryPlace.DeleteAll();
        AtomicFile.WriteText(Path.Combine(folder.Location, "config.json"), "{}");
        Assert.Throws<IOException>(folder.TakeName);
        Assert.False(Directory.Exists(_folder["folder"]));
    }

    [Fact]
    public void Write_TakesANameOfAnyLengthThatTheFileSystemAllows()
    {
        var name = string.Concat(Enumerable.Repeat("ệ", 80));
        AtomicFile.WriteText(_folder[name], "x");
        AtomicFolder.Write(_folder["d" + name], _ => { });
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(_folder.Path).Count());
    }

    private void Claim(string target) => File.WriteAllText(_folder[$".{target}.{Guid}.lorikeet-tmp"], target);

    private bool IsGoneAfterASweep(string claim)
    {
        TemporaryPlace.Sweep(_folder.Path);
        return !File.Exists(claim);
    }
}
