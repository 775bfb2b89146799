using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

/// <summary>With LORIKEET_UPDATE_GOLDENS=1 the pages are written anew.</summary>
public sealed class ReferenceTests
{
    [Theory]
    [InlineData("docs/reference.md", false)]
    [InlineData("docs/reference.vi.md", true)]
    public void Reference_IsWhatTheProgramKnowsOfItself(string page, bool isVietnamese)
    {
        var (path, text) = (Path.Combine(TestAssets.Root, page), new ReferencePage(isVietnamese).Text());
        if (Environment.GetEnvironmentVariable("LORIKEET_UPDATE_GOLDENS") == "1")
            File.WriteAllText(path, text);

        Assert.True(File.ReadAllText(path) == text, $"{page} is not what the program says; write it anew.");
    }
}
