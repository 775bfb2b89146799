using Lorikeet.Documents.Passages;
using Lorikeet.Text;

namespace Lorikeet.Documents.Questions;

/// <summary>
/// Finds a quote in a passage, whatever blanks, quotation marks, dashes and composition of letters are written in
/// either, and says where exactly it stands.
/// </summary>
internal static class QuoteMatch
{
    /// <summary>Where a quote stands in a text, in whole words; null where it does not.</summary>
    public static Slice? Find(string text, string quote)
    {
        var (wanted, _) = Normalize(CanonicalText.Compose(quote).Trim().Trim('"', '\u201c', '\u201d', '\u2026', ' '));
        if (wanted.Length == 0)
            return null;
        var (normal, places) = Normalize(text);
        for (var at = normal.IndexOf(wanted, StringComparison.Ordinal); at >= 0;
            at = normal.IndexOf(wanted, at + 1, StringComparison.Ordinal))
        {
            var end = at + wanted.Length;
            if (IsEdge(normal, at) && IsEdge(normal, end))
                return new Slice(places[at], places[end - 1] + 1);
        }

        return null;
    }

    private static bool IsEdge(string text, int at) =>
        at == 0 || at == text.Length || !char.IsLetterOrDigit(text[at - 1]) || !char.IsLetterOrDigit(text[at]);

    /// <summary>A text in the one spelling that is compared, and where each of its characters stood.</summary>
    private static (string Text, List<int> Places) Normalize(string text)
    {
        var normal = new System.Text.StringBuilder(text.Length);
        var places = new List<int>(text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            var plain = Plain(text[at]);
            if (plain == ' ' && (normal.Length == 0 || normal[^1] == ' '))
                continue;
            // An ellipsis is one character or three.
            for (var i = 0; i < (plain == '\u2026' ? 3 : 1); i++)
            {
                normal.Append(plain == '\u2026' ? '.' : plain);
                places.Add(at);
            }
        }

        while (normal.Length > 0 && normal[^1] == ' ')
            normal.Length--;
        return (normal.ToString(), places);
    }

    private static char Plain(char character) => character switch
    {
        '\u2018' or '\u2019' or '\u201a' or '\u2032' or '`' => '\'',
        '\u201c' or '\u201d' or '\u201e' or '\u00ab' or '\u00bb' or '\u2033' => '"',
        '\u2010' or '\u2011' or '\u2012' or '\u2013' or '\u2014' or '\u2212' => '-',
        _ when char.IsWhiteSpace(character) => ' ',
        _ => character,
    };
}
