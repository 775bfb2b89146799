namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>Removes white space at the ends.</summary>
internal sealed class StripNormalizer(bool left, bool right) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        var start = left ? text.Length - text.Chars.TrimStart().Length : 0;
        var end = right ? text.Chars.TrimEnd().Length : text.Length;
        return text.Slice(start, Math.Max(start, end));
    }
}
