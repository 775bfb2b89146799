using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Configuration;

namespace Lorikeet.Text.Tokenization.PostProcessors;

/// <summary>Puts fixed tokens around a sequence.</summary>
internal sealed class TemplatePostProcessor(int[] before, int[] after) : IPostProcessor
{
    public ReadOnlySpan<int> Before => before;

    public ReadOnlySpan<int> After => after;

    /// <summary>The token that begins a sequence and the one that ends it, as far as the settings say so.</summary>
    /// <param name="configuration">The settings and the texts of the tokens.</param>
    /// <param name="tokens">Where their ids are.</param>
    /// <param name="addsBegin">Whether the first is added when the settings do not say.</param>
    public static TemplatePostProcessor FromSettings(
        TokenizerConfiguration configuration, AddedTokenList tokens, bool addsBegin)
    {
        int[] Ids(bool isAdded, string? content) =>
            isAdded && content is not null && tokens.Find(content) is { } id ? [id] : [];
        return new TemplatePostProcessor(
            Ids(configuration.AddsBeginToken ?? addsBegin, configuration.BeginToken),
            Ids(configuration.AddsEndToken ?? false, configuration.EndToken));
    }

    public void Adjust(TokenBuffer tokens, ReadOnlySpan<char> text)
    {
    }
}
