using System.Text;

namespace Lorikeet.Text.Tokenization.Normalizers.Unicode;

/// <summary>Korean syllables are composed of letters by arithmetic (The Unicode Standard, section 3.12).</summary>
internal static class Hangul
{
    private const int FirstSyllable = 0xAC00;
    private const int FirstLead = 0x1100;
    private const int FirstVowel = 0x1161;
    private const int BeforeFirstTrail = 0x11A7;
    private const int LeadCount = 19;
    private const int VowelCount = 21;
    private const int TrailCount = 28;
    private const int SyllableCount = LeadCount * VowelCount * TrailCount;

    /// <summary>The vowels and trailing consonants: what may compose with a character before it.</summary>
    public static IEnumerable<int> SecondParts =>
        Enumerable.Range(FirstVowel, VowelCount).Concat(Enumerable.Range(BeforeFirstTrail + 1, TrailCount - 1));

    public static bool TryDecompose(Rune rune, List<Rune> output)
    {
        var index = rune.Value - FirstSyllable;
        if (index is < 0 or >= SyllableCount)
            return false;
        var (pair, trail) = Math.DivRem(index, TrailCount);
        output.Add(new Rune(FirstLead + (pair / VowelCount)));
        output.Add(new Rune(FirstVowel + (pair % VowelCount)));
        if (trail > 0)
            output.Add(new Rune(BeforeFirstTrail + trail));
        return true;
    }

    public static Rune? Compose(Rune first, Rune second)
    {
        var lead = first.Value - FirstLead;
        var vowel = second.Value - FirstVowel;
        if (lead is >= 0 and < LeadCount && vowel is >= 0 and < VowelCount)
            return new Rune(FirstSyllable + (((lead * VowelCount) + vowel) * TrailCount));
        var syllable = first.Value - FirstSyllable;
        var trail = second.Value - BeforeFirstTrail;
        var takesTrail = syllable is >= 0 and < SyllableCount && syllable % TrailCount == 0;
        return takesTrail && trail is > 0 and < TrailCount ? new Rune(first.Value + trail) : null;
    }
}
