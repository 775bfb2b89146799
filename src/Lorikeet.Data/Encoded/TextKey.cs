using System.Text;
using Lorikeet.Text;

namespace Lorikeet.Data.Encoded;

/// <summary>
/// What a text says, as a key: equal for texts that differ in case, in blanks, in how letters with accents are composed
/// or in the punctuation at their end alone.
/// </summary>
internal static class TextKey
{
    private const string Endings = ".?!:;,\u2026\u3002\uff1f\uff01";

    /// <summary>The key of a text.</summary>
    public static UInt128 Of(string text) => TokenHash.Of(Normalize(text));

    /// <summary>The text in the one spelling that is compared.</summary>
    public static string Normalize(string text)
    {
        var normal = new StringBuilder(text.Length);
        foreach (var character in CanonicalText.Compose(text).ToLowerInvariant())
        {
            if (!char.IsWhiteSpace(character))
                normal.Append(character);
            else if (normal.Length > 0 && normal[^1] != ' ')
                normal.Append(' ');
        }

        var line = normal.ToString().TrimEnd(' ');
        var ended = line.AsSpan().TrimEnd(Endings).TrimEnd(' ');
        return ended.Length > 0 ? ended.ToString() : line;
    }
}
