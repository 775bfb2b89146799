using System.Text;
using Lorikeet.Text.Tokenization.Normalizers.Unicode;

namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>Rewrites text character by character.</summary>
/// <param name="replace">What each character becomes: itself, another one, or none.</param>
internal sealed class CharacterNormalizer(Func<Rune, Rune?> replace) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        var edits = new List<Edit>(text.Length);
        var removedFirst = 0;
        foreach (var rune in text.Chars.EnumerateRunes())
        {
            if (replace(rune) is { } kept)
                edits.Add(new Edit(kept, 0));
            else if (edits.Count == 0)
                removedFirst++;
            else
                edits[^1] = edits[^1] with { Change = edits[^1].Change - 1 };
        }
        return EditedText.Apply(text, edits, removedFirst);
    }
}
