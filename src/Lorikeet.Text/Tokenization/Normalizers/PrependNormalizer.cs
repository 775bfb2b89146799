namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>Puts a text before every stretch that is not empty; it stands for the stretch's first character.</summary>
internal sealed class PrependNormalizer(string prefix) : INormalizer
{
    public AlignedText Normalize(AlignedText text) => text.Prepend(prefix);
}
