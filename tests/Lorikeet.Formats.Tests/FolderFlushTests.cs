using Lorikeet.Formats.Native;
using Lorikeet.Testing;

namespace Lorikeet.Formats.Tests;

public sealed class FolderFlushTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void FolderOfAnyDepth_IsFlushed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows flushes no folders.");
        Directory.CreateDirectory(_folder["outer/inner"]);
        File.WriteAllText(_folder["outer/inner/file"], "content");

        Assert.True(FolderFlush.FlushAll(_folder["outer"]));
        Assert.True(FolderFlush.Flush(_folder["outer"]));
    }

    [Fact]
    public void FolderThatIsGone_IsNotAFault() => Assert.False(FolderFlush.Flush(_folder["nowhere"]));
}
