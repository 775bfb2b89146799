using CsCheck;
using Lorikeet.Text.Tokenization;
using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>What holds for any text.</summary>
public sealed class TokenizerPropertyTests
{
    private static readonly Tokenizer s_byteLevel = Fixture.Stage("re_o200k").Tokenizer;
    private static readonly Tokenizer s_llama = Fixture.Stage("bpe_bytes").Tokenizer;
    private static readonly BpeModel s_wholeText = BpeFixture.Model("bpe_bytes");

    [Fact]
    public void ByteLevel_AnyText_DecodesToItself() => RandomText.Any.Sample(
        text => s_byteLevel.Decode(s_byteLevel.Encode(text).Ids) == text);

    [Fact]
    public void ByteFallback_AnyText_DecodesToItselfButForVisibleSpaces() => RandomText.Any.Sample(
        text => s_llama.Decode(s_llama.Encode(text).Ids) == text.Replace('▁', ' '));

    [Fact]
    public void Offsets_ByteLevel_CoverTheTextInOrder() => RandomText.Any.Sample(text =>
    {
        var covered = 0;
        var previous = (Start: 0, End: 0);
        foreach (var (start, end) in s_byteLevel.Encode(text).Offsets)
        {
            Assert.True(start >= previous.Start && end >= previous.End && start < end, $"({start}, {end}) in '{text}'");
            Assert.True(start <= covered, $"Nothing covers {covered} to {start} of '{text}'.");
            Assert.False(start > 0 && char.IsSurrogatePair(text, start - 1), $"{start} cuts a character of '{text}'.");
            covered = end;
            previous = (start, end);
        }
        Assert.Equal(text.Length, covered);
    });

    [Fact]
    public void Words_CutAtVisibleSpaces_GiveTheTokensOfTheWholeText() => RandomText.Any.Sample(text =>
    {
        // Encoding sees words; as one long word without its cache the same text must give the same tokens.
        var spelled = "▁" + text.Replace(' ', '▁');
        var tokens = new TokenBuffer();
        s_wholeText.Tokenize(spelled, start: 0, tokens);
        var expected = Enumerable.Range(0, tokens.Count).Select(tokens.IdAt);
        Assert.Equal(text.Length == 0 ? [] : expected, s_llama.Encode(text).Ids);
    });

    [Fact]
    public void Encode_FromManyThreads_GivesTheSameTokens()
    {
        var (tokenizer, cases) = Fixture.Stage("re_o200k");
        string[] texts = [.. cases.Select(expected => (string)expected!["text"]!)];
        var alone = texts.Select(text => tokenizer.Encode(text).Ids).ToArray();
        var fresh = Fixture.Stage("re_o200k").Tokenizer;
        var together = new int[texts.Length][];
        Parallel.For(0, texts.Length * 4, i => together[i % texts.Length] = fresh.Encode(texts[i % texts.Length]).Ids);
        Assert.Equal(alone, together);
    }
}
