using System.Text;
using System.Text.RegularExpressions;

namespace Lorikeet.Data.Reading;

/// <summary>Patterns of files as hub cards write them.</summary>
internal static class FilePattern
{
    private const RegexOptions Linear =
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline;

    /// <summary>
    /// Whether a name fits: <c>*</c> within a folder, <c>**/</c> through folders, <c>?</c>, <c>[a-c]</c>.
    /// </summary>
    public static bool Matches(string pattern, string name)
    {
        var expression = new StringBuilder("^");
        for (var at = 0; at < pattern.Length;)
            at += Append(expression, pattern.AsSpan(at));
        try
        {
            return Regex.IsMatch(name, expression.Append('$').ToString(), Linear);
        }
        catch (NotSupportedException)
        {
            // More stars than any name has parts: a name like another.
            return name == pattern;
        }
    }

    /// <summary>Translates what a pattern begins with, and returns its length.</summary>
    private static int Append(StringBuilder expression, ReadOnlySpan<char> pattern)
    {
        var (length, translated) = pattern switch
        {
            ['*', '*', '/', ..] => (3, "(.*/)?"),
            ['*', '*', ..] => (2, ".*"),
            ['*', ..] => (1, "[^/]*"),
            ['?', ..] => (1, "[^/]"),
            ['[', ..] when Class(pattern) is var (end, set) => (end, set),
            _ => (1, Regex.Escape(pattern[..1].ToString())),
        };
        expression.Append(translated);
        return length;
    }

    /// <summary>Characters in brackets; null where the bracket is not closed and so stands for itself.</summary>
    private static (int Length, string Set)? Class(ReadOnlySpan<char> pattern)
    {
        var end = pattern.Length < 3 ? -1 : pattern[2..].IndexOf(']') + 2;
        if (end < 2)
            return null;
        var members = pattern[1..end];
        var isNegated = members[0] is '!' or '^' && members.Length > 1;
        var set = new StringBuilder(isNegated ? "[^/" : "[");
        if (isNegated)
            members = members[1..];
        for (var i = 0; i < members.Length; i++)
        {
            var isRange = i + 2 < members.Length && members[i + 1] == '-';
            if (isRange && members[i] > members[i + 2])
                return null;
            set.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{(int)members[i]:X4}");
            if (!isRange)
                continue;
            set.Append(System.Globalization.CultureInfo.InvariantCulture, $"-\\u{(int)members[i + 2]:X4}");
            i += 2;
        }

        return (end + 1, set.Append(']').ToString());
    }
}
