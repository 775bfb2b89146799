using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Normalizers;

namespace Lorikeet.Text;

/// <summary>Brings letters with accents to one spelling, so that texts compare equal however they were typed.</summary>
/// <remarks>
/// The same on every machine: <c>string.Normalize</c> needs ICU, of which there are many versions, or none.
/// </remarks>
public static class CanonicalText
{
    private static readonly UnicodeNormalizer s_composing = new(composes: true, isCompatible: false);

    /// <summary>Unicode form NFC.</summary>
    /// <param name="text">Any text.</param>
    public static string Compose(string text) =>
        s_composing.Normalize(new AlignedText(text.AsMemory(), 0)).Chars.ToString();
}
