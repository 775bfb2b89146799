namespace Lorikeet.Hub.Transport;

/// <summary>What a user may have meant by a path that does not exist.</summary>
internal static class LocalPath
{
    private const int FarthestTypo = 3;

    /// <summary>The existing path that differs least in its first wrong name; null when none comes near.</summary>
    public static string? FindNearest(string path)
    {
        var full = Path.GetFullPath(path);
        var missing = full;
        while (Path.GetDirectoryName(missing) is { } parent)
        {
            if (Directory.Exists(parent))
                return FindNearest(parent, Path.GetFileName(missing), full[missing.Length..]);
            missing = parent;
        }
        return null;
    }

    /// <summary>Whether text cannot be a hub id, or begins with a folder that is here.</summary>
    public static bool LooksLocal(string text) =>
        !Repository.IsId(text)
        || (text.Contains('/') && Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(text))));

    /// <summary>Whether a path that is here has all of the names of one that is not, and no fewer.</summary>
    public static bool IsAsDeep(string nearest, string path) =>
        Depth(nearest) == Depth(Path.GetFullPath(path));

    private static int Depth(string path) => path.Count(letter => letter == Path.DirectorySeparatorChar);

    private static string? FindNearest(string folder, string name, string rest)
    {
        var nearest = Directory.EnumerateFileSystemEntries(folder)
            .Select(entry => (Entry: entry, Distance: Distance(Path.GetFileName(entry), name)))
            .Where(found => found.Distance <= FarthestTypo && found.Distance < name.Length)
            .OrderBy(found => found.Distance)
            .ThenBy(found => found.Entry, StringComparer.Ordinal)
            .Select(found => found.Entry)
            .FirstOrDefault();
        if (nearest is null)
            return null;
        return Path.Exists(nearest + rest) ? nearest + rest : nearest;
    }

    /// <summary>Levenshtein's distance, letter case aside.</summary>
    private static int Distance(string left, string right)
    {
        var row = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var i = 1; i <= left.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= right.Length; j++)
            {
                var isSame = char.ToLowerInvariant(left[i - 1]) == char.ToLowerInvariant(right[j - 1]);
                var changed = diagonal + (isSame ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(changed, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[^1];
    }
}
