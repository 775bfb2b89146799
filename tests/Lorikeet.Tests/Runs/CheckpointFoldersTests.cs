using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

public sealed class CheckpointFoldersTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CheckpointFolders _checkpoints;

    public CheckpointFoldersTests() => _checkpoints = new CheckpointFolders(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Latest_OfNone_IsNull() => Assert.Null(new CheckpointFolders(_folder["missing"]).Latest());

    [Fact]
    public void All_AreOrderedByStepNotByName_AndIncompleteOnesAreLeftOut()
    {
        Make(900_000, 1_000_000, 20);
        Directory.CreateDirectory(_folder["step-000030.tmp"]);
        Directory.CreateDirectory(_folder[".step-000040"]);

        Assert.Equal([20, 900_000, 1_000_000], Steps());
        Assert.Equal("step-000020", Path.GetFileName(_checkpoints.All()[0].Folder));
        Assert.Equal(1_000_000, _checkpoints.Latest()!.Step);
    }

    [Theory]
    [InlineData(null, null, new[] { 10, 20, 30, 40 })]
    [InlineData(2, null, new[] { 30, 40 })]
    [InlineData(2, 10, new[] { 10, 40 })]
    [InlineData(1, 10, new[] { 10, 40 })]
    [InlineData(1, 40, new[] { 40 })]
    [InlineData(3, 20, new[] { 20, 30, 40 })]
    [InlineData(9, null, new[] { 10, 20, 30, 40 })]
    public void Retain_DeletesTheOldestButKeepsTheNewestAndTheBest(int? limit, int? best, int[] expected)
    {
        Make(10, 20, 30, 40);

        _checkpoints.Retain(limit, best);

        Assert.Equal(expected, Steps());
        Assert.Equal(expected.Length, Directory.EnumerateFileSystemEntries(_folder.Path).Count());
    }

    [Fact]
    public void Retain_SweepsWhatAnInterruptedSaveOrRemovalLeft()
    {
        Make(10);
        Directory.CreateDirectory(_folder[".step-000005.removed"]);
        Directory.CreateDirectory(_folder[".step-000020.0123.tmp"]);

        Directory.CreateDirectory(_folder[".ipynb_checkpoints"]);

        _checkpoints.Retain(limit: null);

        Assert.Equal(
            [_folder[".ipynb_checkpoints"], _checkpoints.ForStep(10)],
            Directory.EnumerateDirectories(_folder.Path).Order(StringComparer.Ordinal));
    }

    private void Make(params int[] steps)
    {
        foreach (var step in steps)
        {
            Directory.CreateDirectory(_checkpoints.ForStep(step));
            File.WriteAllText(Path.Combine(_checkpoints.ForStep(step), "trainer_state.json"), "{}");
        }
    }

    private IEnumerable<int> Steps() => _checkpoints.All().Select(checkpoint => checkpoint.Step);
}
