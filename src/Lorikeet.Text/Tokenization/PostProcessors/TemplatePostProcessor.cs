namespace Lorikeet.Text.Tokenization.PostProcessors;

/// <summary>Puts fixed tokens around a sequence.</summary>
internal sealed class TemplatePostProcessor(int[] before, int[] after) : IPostProcessor
{
    public ReadOnlySpan<int> Before => before;

    public ReadOnlySpan<int> After => after;

    public void Adjust(TokenBuffer tokens, ReadOnlySpan<char> text)
    {
    }
}
