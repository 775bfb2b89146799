using System.Text;
using Lorikeet.Text.Tokenization.Normalizers.Unicode;

namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>Writes every letter small, without regard to language or place in the word.</summary>
internal sealed class LowercaseNormalizer : INormalizer
{
    // The one letter whose small form is two characters: i and the dot above.
    private static readonly Rune s_capitalDottedI = new('\u0130');
    private static readonly Rune s_dotAbove = new('\u0307');

    public AlignedText Normalize(AlignedText text)
    {
        var edits = new List<Edit>(text.Length);
        foreach (var rune in text.Chars.EnumerateRunes())
        {
            if (rune == s_capitalDottedI)
                edits.AddRange([new Edit(new Rune('i'), 0), new Edit(s_dotAbove, 1)]);
            else
                edits.Add(new Edit(Rune.ToLowerInvariant(rune), 0));
        }
        return EditedText.Apply(text, edits);
    }
}
