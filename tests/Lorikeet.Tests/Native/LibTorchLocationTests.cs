using System.Reflection;
using Lorikeet.Models.Native;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Native;

public sealed class LibTorchLocationTests
{
    [Fact]
    public void NamedFolderWithoutLibTorch_IsRefusedEvenWhereAnotherWouldBeFound()
    {
        using var folder = new TemporaryFolder();
        var there = WithLibrary(folder, "there");

        var fault = Assert.Throws<DeviceException>(() => LibTorchLocation.Find(folder.Path, [there], download: null));

        Assert.Contains(folder.Path, fault.Message, StringComparison.Ordinal);
        Assert.Contains("LORIKEET_LIBTORCH", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FirstFolderThatHoldsLibTorch_IsTaken()
    {
        using var folder = new TemporaryFolder();
        var (first, second) = (WithLibrary(folder, "first"), WithLibrary(folder, "second"));

        Assert.Equal(
            first,
            LibTorchLocation.Find(null, [folder.Path, first, second], (_, _) => Assert.Fail("Nothing is missing.")));
    }

    [Fact]
    public void MissingLibTorch_IsDownloadedWhereSomebodyDoesThat()
    {
        using var folder = new TemporaryFolder();
        List<string> candidates = [Path.Combine(folder.Path, "cache")];

        var found = LibTorchLocation.Find(null, candidates, (package, version) =>
        {
            Assert.Equal((LibTorchLocation.Package, LibTorchLocation.Version), (package, version));
            WithLibrary(folder, "cache");
        });

        Assert.Equal(candidates[0], found);
    }

    [Fact]
    public void MissingLibTorch_IsToldWithThePlacesAndTheCommandThatFetchesIt()
    {
        var fault = Assert.Throws<DeviceException>(
            () => LibTorchLocation.Find(null, ["/nowhere/a", "/nowhere/b"], download: null));

        Assert.Contains("/nowhere/a, /nowhere/b", fault.Message, StringComparison.Ordinal);
        Assert.Contains(
            $"'dotnet add package {LibTorchLocation.Package} --version {LibTorchLocation.Version}'", fault.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Assembly_KnowsNoPathOfTheMachineThatBuiltIt() => Assert.DoesNotContain(
        typeof(LibTorchLocation).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>(),
        attribute => Path.IsPathRooted(attribute.Value));

    private static string WithLibrary(TemporaryFolder folder, string name)
    {
        var path = Path.Combine(folder.Path, name);
        Directory.CreateDirectory(path);
        File.WriteAllBytes(Path.Combine(path, LibTorchLocation.FileName("torch_cpu")), []);
        return path;
    }
}
