namespace Lorikeet.Formats;

/// <summary>Paths that are equal when they name the same place: whole, and without symbolic links.</summary>
public static class CanonicalPath
{
    private const int MostLinks = 40; // as Linux has it

    private static StringComparison Comparison { get; } =
        OperatingSystem.IsWindows() || OperatingSystem.IsMacOS()
            ? StringComparison.OrdinalIgnoreCase
            : StringComparison.Ordinal;

    /// <summary>The place a path names; what does not exist is taken as it stands.</summary>
    public static string Of(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var links = 0;
        var root = Path.GetPathRoot(full)!;
        var place = root;
        var parts = new Stack<string>(Parts(full[root.Length..]).Reverse());
        while (parts.TryPop(out var part))
        {
            var next = Path.Combine(place, part);
            if (links < MostLinks && LinkTarget(next) is { } target)
            {
                links++;
                var followed = Path.GetFullPath(target, place);
                place = Path.GetPathRoot(followed)!;
                foreach (var inner in Parts(followed[place.Length..]).Reverse())
                    parts.Push(inner);
            }
            else
            {
                place = next;
            }
        }

        return place;
    }

    /// <summary>Whether two paths name the same place.</summary>
    public static bool AreEqual(string left, string right) => string.Equals(Of(left), Of(right), Comparison);

    /// <summary>Whether a path lies below a folder, or is it.</summary>
    public static bool Contains(string folder, string path)
    {
        var (outer, inner) = (Of(folder), Of(path));
        return string.Equals(outer, inner, Comparison)
            || inner.StartsWith(Path.TrimEndingDirectorySeparator(outer) + Path.DirectorySeparatorChar, Comparison);
    }

    private static IEnumerable<string> Parts(string path) =>
        path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar],
            StringSplitOptions.RemoveEmptyEntries);

    private static string? LinkTarget(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception fault) when (StorageFault.Covers(fault))
        {
            return null;
        }
    }
}
