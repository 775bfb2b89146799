namespace Lorikeet.Testing;

/// <summary>
/// Compares text with a file under <c>tests/goldens/text</c>. With LORIKEET_UPDATE_GOLDENS=1 the file is written
/// instead, and the difference is reviewed as any other change.
/// </summary>
internal static class Golden
{
    public static void Verify(string name, string text)
    {
        var path = TestAssets.Golden("text", name);
        var actual = text.ReplaceLineEndings("\n");
        if (Environment.GetEnvironmentVariable("LORIKEET_UPDATE_GOLDENS") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }

        Assert.True(File.Exists(path), $"'{path}' does not exist; run once with LORIKEET_UPDATE_GOLDENS=1.");
        Assert.Equal(File.ReadAllText(path), actual);
    }
}
