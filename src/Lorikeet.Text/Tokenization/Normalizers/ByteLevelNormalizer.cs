using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>Spells text as the visible characters of its UTF-8 bytes.</summary>
internal sealed class ByteLevelNormalizer : INormalizer
{
    public AlignedText Normalize(AlignedText text) => ByteLevelAlphabet.Spell(text);
}
