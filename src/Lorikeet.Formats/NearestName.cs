namespace Lorikeet.Formats;

/// <summary>Finds what a mistyped name was meant to be.</summary>
public static class NearestName
{
    // No name is longer, and comparing takes the product of the lengths.
    private const int LongestName = 64;

    /// <summary>
    /// The candidate fewest edits away (insert, delete, replace, swap neighbours), when that is at most a third of the
    /// length of what was typed, and never more than three; null otherwise.
    /// </summary>
    /// <param name="candidates">The names there are.</param>
    /// <param name="typed">The name that none of them is.</param>
    public static string? Among(IEnumerable<string> candidates, string typed)
    {
        if (typed.Length > LongestName)
            return null;
        var limit = Math.Clamp(typed.Length / 3, 1, 3);
        var nearest = candidates
            .Where(candidate => Math.Abs(candidate.Length - typed.Length) <= limit) // fewer edits cannot do
            .Select(candidate => (Name: candidate, Edits: Distance(typed, candidate)))
            .OrderBy(pair => pair.Edits)
            .FirstOrDefault((Name: "", Edits: int.MaxValue));
        return nearest.Edits <= limit ? nearest.Name : null;
    }

    /// <summary>Optimal string alignment distance.</summary>
    internal static int Distance(string a, string b)
    {
        var edits = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
            edits[i, 0] = i;
        for (var j = 0; j <= b.Length; j++)
            edits[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = edits[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                edits[i, j] = Math.Min(replaced, Math.Min(edits[i - 1, j], edits[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    edits[i, j] = Math.Min(edits[i, j], edits[i - 2, j - 2] + 1);
            }
        }

        return edits[a.Length, b.Length];
    }
}
