namespace Lorikeet.Formats;

/// <summary>Names of what is being written or removed: hidden, and such as nobody chooses.</summary>
internal static class TemporaryPath
{
    private const string Ending = ".tmp";

    /// <summary>A hidden name that nothing has, in the folder of <paramref name="target"/> so that a rename is atomic.</summary>
    public static string Beside(string target)
    {
        var folder = Path.GetDirectoryName(target)!;
        return Path.Combine(folder, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}{Ending}");
    }

    /// <summary>Whether a name is one that <see cref="Beside"/> gave.</summary>
    public static bool IsOne(string name) =>
        name.StartsWith('.') && name.EndsWith(Ending, StringComparison.Ordinal)
        && name.Split('.') is [.., var digits, _] && Guid.TryParseExact(digits, "N", out _);
}
