using Lorikeet.Text.Tokenization;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>Tokenizers made to take all time or memory end in an error that names them.</summary>
public sealed class HostileTokenizerTests : IDisposable
{
    private const string Hundred = """
        {"type":"Replace","pattern":{"String":"e"},"content":"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"}
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("(a+)+$")]
    [InlineData("(a|aa)+$")]
    [InlineData("(a*)*b")]
    public void Encode_BacktrackingExpression_Ends(string expression)
    {
        var tokenizer = Load($$"""
            "pre_tokenizer":{"type":"Split","pattern":{"Regex":"{{expression}}"},"behavior":"Isolated"}
            """);

        var error = Assert.Throws<CheckpointException>(() => tokenizer.Encode(new string('a', 40) + "e!"));
        Assert.Contains("regular expression", error.Message);
        Assert.Contains(_folder.Path, error.Message);
    }

    [Fact]
    public void Encode_ReplacementsOfReplacements_AreBounded()
    {
        var tokenizer = Load($$"""
            "normalizer":{"type":"Sequence","normalizers":[{{string.Join(',', Enumerable.Repeat(Hundred, 6))}}]}
            """);

        Assert.Contains(
            "characters of a text", Assert.Throws<CheckpointException>(() => tokenizer.Encode("e")).Message);
        Assert.Empty(tokenizer.Encode("b", addSpecialTokens: false).Ids);
    }

    [Fact]
    public void Decode_ReplacementsOfReplacements_AreBounded()
    {
        var tokenizer = Load($$"""
            "decoder":{"type":"Sequence","decoders":[{{string.Join(',', Enumerable.Repeat(Hundred, 6))}}]}
            """);

        Assert.Contains("the token 1", Assert.Throws<CheckpointException>(() => tokenizer.Decode([1])).Message);
        Assert.Equal("a", tokenizer.Decode([0]));
    }

    [Fact]
    public void Load_AddedTokenThatNormalizesWithoutEnd_IsRefused() =>
        Assert.Throws<CheckpointException>(() => Load($$"""
        "normalizer":{"type":"Sequence","normalizers":[{{string.Join(',', Enumerable.Repeat(Hundred, 6))}}]},
        "added_tokens":[{"id":2,"content":"e","normalized":true}]
        """));

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("a", "?")]
    public void Load_NestedExpression_IsRefused(string open, string close)
    {
        var expression = string.Concat(Enumerable.Repeat(open, 6000)) + "a"
            + string.Concat(Enumerable.Repeat(close, 6000));
        Assert.Throws<CheckpointException>(() => Load($$"""
            "pre_tokenizer":{"type":"Split","pattern":{"Regex":"{{expression}}"},"behavior":"Isolated"}
            """));
    }

    [Fact]
    public void Load_ExpressionOfThousandsOfParts_IsRefused() => Assert.Throws<CheckpointException>(() => Load($$"""
        "pre_tokenizer":{"type":"Split","pattern":{"Regex":"{{string.Concat(Enumerable.Repeat(@"\\p{N}{1,3", 500))}}"},"behavior":"Isolated"}
        """));

    [Fact]
    public void Encode_ManyMarksOnOneLetter_AreSortedInTime()
    {
        var tokenizer = Load("""
            "normalizer":{"type":"NFD"}
            """);
        var marks = string.Concat(Enumerable.Repeat("\u0301\u0323", 200_000));

        Assert.Equal([0], tokenizer.Encode("a" + marks, addSpecialTokens: false).Ids);
    }

    [Fact]
    public void Encode_UnknownCharacterWithoutUnknownToken_IsLeftOut()
    {
        File.WriteAllText(
            _folder.File("tokenizer.json"), """{"model":{"type":"Unigram","vocab":[["a",-1],["b",-2]]}}""");
        Assert.Equal([0, 1], Tokenizer.Load(_folder.Path).Encode("axb", addSpecialTokens: false).Ids);
    }

    [Fact]
    public void Load_PieceThatIsThereTwice_IsRefused()
    {
        byte[] piece = [0x0a, 0x05, 0x0a, 0x01, (byte)'a', 0x18, 0x01];
        byte[] unknown = [0x0a, 0x05, 0x0a, 0x01, (byte)'?', 0x18, 0x02];
        File.WriteAllBytes(_folder.File("tokenizer.model"), [.. unknown, .. piece, .. piece]);

        Assert.Contains(
            "'a' is there twice", Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder.Path)).Message);
    }

    private Tokenizer Load(string stage)
    {
        File.WriteAllText(_folder.File("tokenizer.json"), $$"""
            { "model":{"type":"BPE","vocab":{"a":0,"e":1},"merges":[]}, {{stage}} }
            """);
        return Tokenizer.Load(_folder.Path);
    }
}
