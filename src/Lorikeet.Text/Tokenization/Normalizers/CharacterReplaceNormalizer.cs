namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>Replaces one character by another.</summary>
internal sealed class CharacterReplaceNormalizer(char replaced, char replacement) : INormalizer
{
    public AlignedText Normalize(AlignedText text) => text.Replace(replaced, replacement);
}
