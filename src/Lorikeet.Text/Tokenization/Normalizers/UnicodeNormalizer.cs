using System.Text;
using Lorikeet.Text.Tokenization.Normalizers.Unicode;

namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>The normalization forms NFC, NFD, NFKC and NFKD (Unicode Standard Annex 15).</summary>
/// <param name="composes">Whether characters are put together again after decomposition (C forms).</param>
/// <param name="isCompatible">Whether compatibility variants lose their difference (K forms).</param>
internal sealed class UnicodeNormalizer(bool composes, bool isCompatible) : INormalizer
{
    // From here on a text may have been made to have many; for few, insertion is faster.
    private const int ManyMarks = 32;

    private readonly UnicodeProperties _properties = UnicodeProperties.Instance;

    public AlignedText Normalize(AlignedText text)
    {
        if (IsNormalized(text.Chars))
            return text;
        var edits = Decompose(text.Chars);
        return EditedText.Apply(text, composes ? Compose(edits) : edits);
    }

    // Conservative: text may be normalized without being recognised.
    private bool IsNormalized(ReadOnlySpan<char> text)
    {
        if (System.Text.Ascii.IsValid(text))
            return true;
        if (!composes || isCompatible)
            return false;
        foreach (var rune in text.EnumerateRunes())
        {
            if (_properties.MayChangeWhenComposed(rune))
                return false;
        }
        return true;
    }

    private List<Edit> Decompose(ReadOnlySpan<char> text)
    {
        var edits = new List<Edit>(text.Length);
        var parts = new List<Rune>();
        var firstUnsorted = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            parts.Clear();
            _properties.Decompose(rune, isCompatible, parts);
            for (var i = 0; i < parts.Count; i++)
            {
                if (_properties.CombiningClass(parts[i]) == 0)
                    SortMarks(edits, ref firstUnsorted);
                edits.Add(new Edit(parts[i], i == 0 ? 0 : 1));
            }
        }
        SortMarks(edits, ref firstUnsorted);
        return edits;
    }

    // Marks on one letter go in the order of their classes; marks of one class keep theirs.
    private void SortMarks(List<Edit> edits, ref int first)
    {
        if (edits.Count - first > ManyMarks)
        {
            var sorted = edits.Skip(first).OrderBy(ClassOf).ToList();
            edits.RemoveRange(first, edits.Count - first);
            edits.AddRange(sorted);
            first = edits.Count;
            return;
        }

        for (var i = first + 1; i < edits.Count; i++)
        {
            var edit = edits[i];
            var place = i;
            for (; place > first && ClassOf(edits[place - 1]) > ClassOf(edit); place--)
                edits[place] = edits[place - 1];
            edits[place] = edit;
        }
        first = edits.Count;
    }

    private List<Edit> Compose(List<Edit> edits)
    {
        var composed = new List<Edit>(edits.Count);
        var starter = -1;
        var lastClass = 0;
        foreach (var edit in edits)
        {
            var combiningClass = ClassOf(edit);
            var isBlocked = starter < 0 || (composed.Count - 1 > starter && lastClass >= combiningClass);
            if (!isBlocked && _properties.Compose(composed[starter].Rune, edit.Rune) is { } rune)
            {
                composed[starter] = new Edit(rune, composed[starter].Change + edit.Change - 1);
                continue;
            }
            composed.Add(edit);
            lastClass = combiningClass;
            if (combiningClass == 0)
                starter = composed.Count - 1;
        }
        return composed;
    }

    private int ClassOf(Edit edit) => _properties.CombiningClass(edit.Rune);
}
