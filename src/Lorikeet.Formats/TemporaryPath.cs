namespace Lorikeet.Formats;

internal static class TemporaryPath
{
    /// <summary>A hidden name that nothing has, in the folder of <paramref name="target"/> so that a rename is atomic.</summary>
    public static string Beside(string target)
    {
        var folder = Path.GetDirectoryName(target)!;
        return Path.Combine(folder, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}.tmp");
    }
}
