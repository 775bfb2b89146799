using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Text.Tokenization.Normalizers;

/// <summary>Replaces every match of a pattern; what is written stands for the last character of the match.</summary>
internal sealed class ReplaceNormalizer(ITextPattern pattern, string content) : INormalizer
{
    public AlignedText Normalize(AlignedText text)
    {
        AlignedText.Rewriter? rewriter = null;
        var copied = 0;
        foreach (var (start, end) in pattern.FindMatches(text.Chars))
        {
            rewriter ??= new AlignedText.Rewriter(text, text.Length + 16);
            rewriter.Copy(copied, start);
            if (end > 0)
                rewriter.Append(content, from: end - 1);
            copied = end;
        }
        if (rewriter is null)
            return text;
        rewriter.Copy(copied, text.Length);
        return rewriter.ToText();
    }
}
