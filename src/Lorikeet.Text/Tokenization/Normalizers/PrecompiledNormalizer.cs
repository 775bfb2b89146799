using System.Globalization;
using System.Text;
using Lorikeet.Formats;
using Lorikeet.Text.Tokenization.Normalizers.Unicode;

namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>SentencePiece's compiled rules as the tokenizers library applies them, grapheme by grapheme.</summary>
internal sealed class PrecompiledNormalizer(CharacterMap map) : INormalizer
{
    // A grapheme of more bytes is not looked up as a whole.
    private const int LongestGrapheme = 5;

    public AlignedText Normalize(AlignedText text)
    {
        var edits = new List<Edit>(text.Length);
        var rest = text.Chars;
        while (rest.Length > 0)
        {
            var length = StringInfo.GetNextTextElementLength(rest);
            Rewrite(rest[..length], edits);
            if (edits.Count > text.Longest)
                throw new ReadingLimitException($"its rules make more than {text.Longest} characters of a text");
            rest = rest[length..];
        }
        return EditedText.Apply(text, edits);
    }

    private void Rewrite(ReadOnlySpan<char> grapheme, List<Edit> edits)
    {
        if (TryReplace(grapheme, edits))
            return;
        Span<char> units = stackalloc char[2];
        foreach (var rune in grapheme.EnumerateRunes())
        {
            if (!TryReplace(units[..rune.EncodeToUtf16(units)], edits))
                edits.Add(new Edit(rune, 0));
        }
    }

    private bool TryReplace(ReadOnlySpan<char> part, List<Edit> edits)
    {
        var utf8 = System.Text.Encoding.UTF8.GetBytes(part.ToArray());
        if (utf8.Length > LongestGrapheme || map.FindShortest(utf8, out var replacement) == 0)
            return false;
        var runes = System.Text.Encoding.UTF8.GetString(replacement).EnumerateRunes().ToList();
        Replace(CountRunes(part), runes, edits);
        return true;
    }

    // As many characters as there were replace them one by one; the rest are inserted, or the last removes the rest.
    private static void Replace(int replaced, List<Rune> runes, List<Edit> edits)
    {
        for (var i = 0; i < runes.Count; i++)
            edits.Add(new Edit(runes[i], i < replaced ? 0 : 1));
        if (replaced > runes.Count && edits.Count > 0)
            edits[^1] = edits[^1] with { Change = edits[^1].Change - (replaced - runes.Count) };
    }

    private static int CountRunes(ReadOnlySpan<char> text)
    {
        var count = 0;
        foreach (var _ in text.EnumerateRunes())
            count++;
        return count;
    }
}
