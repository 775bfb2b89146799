using System.Text.RegularExpressions;

namespace Lorikeet.Data.Reading;

/// <summary>Patterns of files as hub cards write them.</summary>
internal static class FilePattern
{
    /// <summary>Whether a name fits: <c>*</c> within a folder, <c>**/</c> through folders, <c>?</c>, <c>[a-c]</c>.</summary>
    public static bool Matches(string pattern, string name)
    {
        var expression = Regex.Escape(pattern)
            .Replace(@"\*\*/", "(.*/)?").Replace(@"\*\*", ".*").Replace(@"\*", "[^/]*").Replace(@"\?", "[^/]")
            .Replace(@"\[", "[").Replace(@"\]", "]");
        try
        {
            return Regex.IsMatch(name, $"^{expression}$", RegexOptions.NonBacktracking);
        }
        catch (Exception fault) when (fault is ArgumentException or NotSupportedException)
        {
            // Half a pair of brackets, or more stars than any name has parts: a name like another.
            return name == pattern;
        }
    }
}
