namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>Puts a text before every stretch that is not empty; it stands for the stretch's first character.</summary>
internal sealed class PrependNormalizer(string prefix) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        if (text.Length == 0)
            return text;
        var rewriter = new AlignedText.Rewriter(text, text.Length + prefix.Length);
        rewriter.Append(prefix, from: 0);
        rewriter.Copy(0, text.Length);
        return rewriter.ToText();
    }
}
