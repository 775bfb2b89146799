using CsCheck;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Text.Tests.Tokenization;

public sealed class StreamingDecoderTests
{
    // One of each way to decode: byte-level, byte fallback, Metaspace, WordPiece, word ends, plain, SentencePiece.
    private static readonly Tokenizer[] s_tokenizers =
    [
        Fixture.Stage("re_o200k").Tokenizer,
        Fixture.Stage("bpe_bytes").Tokenizer,
        Fixture.Stage("unigram_true").Tokenizer,
        Fixture.Stage("wordpiece").Tokenizer,
        Fixture.Stage("bpe_suffix").Tokenizer,
        Fixture.Stage("wordlevel").Tokenizer,
        Fixture.SentencePiece("unigram_bytes"),
        Fixture.SentencePiece("bpe_no_prefix"),
        Fixture.SentencePiece("bpe_no_prefix", """{"tokenizer_class":"LlamaTokenizer"}"""),
    ];

    [Fact]
    public void Append_RandomTokens_AddsUpToDecode() =>
        Gen.Select(Gen.Int[0, s_tokenizers.Length - 1], Gen.Int[0, int.MaxValue].Array[0, 40], Gen.Bool).Sample(
            (which, numbers, skipsSpecial) =>
            {
                var tokenizer = s_tokenizers[which];
                int[] ids = [.. numbers.Select(number => number % tokenizer.VocabularySize)];
                var decoder = new StreamingDecoder(tokenizer, skipsSpecial);
                var streamed = string.Concat(ids.Select(decoder.Append)) + decoder.Flush();
                Assert.Equal(tokenizer.Decode(ids, skipsSpecial), streamed);
            });

    [Fact]
    public void Append_TokensOfAText_NeverBreaksACharacter() =>
        Gen.Select(Gen.Int[0, 1], RandomText.Any.Where(text => !text.Contains('\uFFFD'))).Sample((which, text) =>
        {
            var decoder = new StreamingDecoder(s_tokenizers[which]);
            foreach (var id in s_tokenizers[which].Encode(text).Ids)
            {
                var part = decoder.Append(id);
                Assert.DoesNotContain('\uFFFD', part);
                Assert.False(part.Length > 0 && (char.IsLowSurrogate(part[0]) || char.IsHighSurrogate(part[^1])));
            }
        });

    [Fact]
    public void Append_BytesOfACharacter_WaitsForTheLast()
    {
        var tokenizer = s_tokenizers[0];
        var decoder = new StreamingDecoder(tokenizer);
        var ids = tokenizer.Encode("🐦").Ids;
        Assert.All(ids[..^1], id => Assert.Equal("", decoder.Append(id)));
        Assert.Equal("🐦", decoder.Append(ids[^1]));
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void Append_SpecialTokenToSkip_GivesNothing()
    {
        var tokenizer = Fixture.Stage("bertproc").Tokenizer;
        var decoder = new StreamingDecoder(tokenizer, skipSpecialTokens: true);
        Assert.Equal("", decoder.Append(tokenizer.TokenToId("<s>")!.Value));
        Assert.True(tokenizer.IsSpecial(tokenizer.TokenToId("<s>")!.Value));
    }

    [Fact]
    public void Flush_InTheMiddleOfACharacter_GivesTheReplacementCharacter()
    {
        var tokenizer = s_tokenizers[0];
        var decoder = new StreamingDecoder(tokenizer);
        decoder.Append(tokenizer.Encode("🐦").Ids[0]);
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Equal("a", decoder.Append(tokenizer.Encode("a").Ids[0]));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void Append_IdOutsideTheVocabulary_IsRefused(int id) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new StreamingDecoder(s_tokenizers[0]).Append(id));
}
