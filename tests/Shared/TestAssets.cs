namespace Lorikeet.Testing;

/// <summary>Where tests find the goldens copied into the repository and the assets that may not be committed.</summary>
internal static class TestAssets
{
    /// <summary>The repository root: the nearest folder above the test binary that holds <c>global.json</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A path under <c>tests/goldens</c>.</summary>
    public static string Golden(params string[] parts) => Path.Combine([Root, "tests", "goldens", .. parts]);

    /// <summary>
    /// The same, of what <c>goldens/interop/check.py</c> writes; the test is skipped where it was not kept.
    /// </summary>
    public static string Produced(params string[] parts)
    {
        var path = Golden(parts);
        Assert.SkipUnless(Path.Exists(path), $"'{path}' is not there; goldens/interop/check.py writes it.");
        return path;
    }

    /// <summary>A path under <c>LORIKEET_ASSETS</c>; the test is skipped when that variable is not set.</summary>
    public static string Asset(params string[] parts)
    {
        var folder = Environment.GetEnvironmentVariable("LORIKEET_ASSETS");
        Assert.SkipWhen(
            string.IsNullOrEmpty(folder),
            "LORIKEET_ASSETS is not set; real checkpoints and data are not in the repository.");
        return Path.Combine([folder!, .. parts]);
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "global.json")))
            folder = folder.Parent;
        return folder?.FullName
            ?? throw new InvalidOperationException("global.json was not found above the test binary.");
    }
}
