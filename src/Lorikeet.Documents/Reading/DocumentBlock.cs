using System.Text;
using Lorikeet.Text;

namespace Lorikeet.Documents.Reading;

/// <summary>A paragraph, item, row of a table, piece of code or heading, as a reader finds it.</summary>
/// <param name="Text">Its text.</param>
/// <param name="Level">Of a heading 1 and more; else 0.</param>
internal readonly record struct DocumentBlock(string Text, int Level = 0)
{
    private const char SoftHyphen = '\u00ad';

    /// <summary>
    /// The text in Unicode form NFC, on one line, without characters that nobody sees: runs of blanks are one space.
    /// </summary>
    public static string Clean(string text)
    {
        var clean = new StringBuilder(text.Length);
        foreach (var character in CanonicalText.Compose(text))
        {
            if (char.IsWhiteSpace(character))
            {
                if (clean.Length > 0 && clean[^1] != ' ')
                    clean.Append(' ');
            }
            else if (!IsUnseen(character))
            {
                clean.Append(character);
            }
        }

        return clean.ToString().TrimEnd(' ');
    }

    // Zero width joiners are letters' business in some scripts; spaces of no width and byte order marks are not.
    private static bool IsUnseen(char character) =>
        char.IsControl(character) || character is SoftHyphen or '\u200b' or '\ufeff' or '\u2060' or '\ufffe';
}
