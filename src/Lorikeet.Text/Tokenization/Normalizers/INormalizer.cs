namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>Rewrites a stretch of text between added tokens before it is cut into pieces.</summary>
internal interface INormalizer
{
    AlignedText Normalize(AlignedText text);
}

/// <summary>Normalizers one after the other.</summary>
internal sealed class SequenceNormalizer(IReadOnlyList<INormalizer> normalizers) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        foreach (var normalizer in normalizers)
            text = normalizer.Normalize(text);
        return text;
    }
}
