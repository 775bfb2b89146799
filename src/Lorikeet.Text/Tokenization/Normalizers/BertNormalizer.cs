using System.Globalization;
using System.Text;
using Lorikeet.Text.Tokenization.Normalizers.Unicode;

namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>The steps of BERT's basic tokenizer that rewrite text.</summary>
internal static class BertNormalizer
{
    /// <param name="cleansText">Whether control characters go and all white space becomes spaces.</param>
    /// <param name="spacesIdeographs">Whether Chinese characters get spaces around them.</param>
    /// <param name="stripsAccents">Whether letters lose their marks.</param>
    /// <param name="lowercases">Whether letters become small.</param>
    public static INormalizer Create(bool cleansText, bool spacesIdeographs, bool stripsAccents, bool lowercases)
    {
        var steps = new List<INormalizer>();
        if (cleansText)
            steps.Add(new CharacterNormalizer(Clean));
        if (spacesIdeographs)
            steps.Add(new IdeographSpacer());
        if (stripsAccents)
        {
            steps.Add(new UnicodeNormalizer(composes: false, isCompatible: false));
            steps.Add(new CharacterNormalizer(
                rune => Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark ? null : rune));
        }
        if (lowercases)
            steps.Add(new LowercaseNormalizer());
        return new SequenceNormalizer(steps);
    }

    private static Rune? Clean(Rune rune)
    {
        if (Rune.IsWhiteSpace(rune) && (!Rune.IsControl(rune) || rune.Value is '\t' or '\n' or '\r'))
            return new Rune(' ');
        return rune.Value is 0 or 0xFFFD || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control
            or UnicodeCategory.Format or UnicodeCategory.PrivateUse ? null : rune;
    }

    private sealed class IdeographSpacer : INormalizer
    {
        public AlignedText Normalize(AlignedText text)
        {
            var edits = new List<Edit>(text.Length);
            foreach (var rune in text.Chars.EnumerateRunes())
            {
                if (IsIdeograph(rune.Value))
                    edits.AddRange([new Edit(new Rune(' '), 0), new Edit(rune, 1), new Edit(new Rune(' '), 1)]);
                else
                    edits.Add(new Edit(rune, 0));
            }
            return EditedText.Apply(text, edits);
        }

        private static bool IsIdeograph(int value) => value is (>= 0x4E00 and <= 0x9FFF) or (>= 0x3400 and <= 0x4DBF)
            or (>= 0x20000 and <= 0x2A6DF) or (>= 0x2A700 and <= 0x2B73F) or (>= 0x2B740 and <= 0x2B81F)
            or (>= 0x2B920 and <= 0x2CEAF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x2F800 and <= 0x2FA1F);
    }
}
