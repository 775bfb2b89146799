using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Normalizers;

namespace Lorikeet.Models.Evaluation;

/// <summary>Brings letters with accents to one spelling, so that texts compare equal however they were typed.</summary>
internal static class CanonicalText
{
    // string.Normalize needs ICU, which the program does without.
    private static readonly UnicodeNormalizer s_composing = new(composes: true, isCompatible: false);

    /// <summary>Unicode form NFC.</summary>
    public static string Compose(string text) => s_composing.Normalize(new AlignedText(text.AsMemory(), 0)).Chars.ToString();
}
