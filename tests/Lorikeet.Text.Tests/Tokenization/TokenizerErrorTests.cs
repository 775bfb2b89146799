using Lorikeet.Text.Tokenization;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>What is wrong with a tokenizer's files is said with the file and the place.</summary>
public sealed class TokenizerErrorTests : IDisposable
{
    private const string Model = """
        "model":{"type":"BPE","vocab":{"a":0},"merges":[]}
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Load_EmptyFolder_NamesWhatIsExpected()
    {
        var error = Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder.Path));
        Assert.Contains("tokenizer.json", error.Message);
        Assert.Contains(_folder.Path, error.Message);
    }

    [Theory]
    [InlineData("normalizer", "Precise", "'Precise' is not a normalizer")]
    [InlineData("pre_tokenizer", "UnicodeScripts", "'UnicodeScripts' is not a pre-tokenizer")]
    [InlineData("decoder", "CTC", "'CTC' is not a decoder")]
    [InlineData("post_processor", "Stamp", "'Stamp' is not a post-processor")]
    public void Load_UnknownComponent_NamesIt(string stage, string type, string expected) => AssertRefused(
        $$"""{ {{Model}}, "{{stage}}":{"type":"{{type}}"} }""", expected);

    [Theory]
    [InlineData("{", "tokenizer.json:1: ")]
    [InlineData("""{"model":{"type":"Quantum"}}""", "'Quantum' is not a model")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"\ud800":0},"merges":[]}}""", "half of a surrogate pair")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[["","a"]]}}""", "'model.merges[0]'")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":3000000},"merges":[]}}""", "'model.vocab.a' is 3000000")]
    [InlineData(
        """{"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"],"continuing_subword_prefix":"##"}}""",
        "prefix")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[["a",0]],"unk_id":1}}""", "'model.unk_id' is 1")]
    [InlineData("{}", "'model.type' is missing")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}""", "'model.vocab.a' is -1")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":2000000000},"merges":[]}}""", "'model.vocab.a' is 2000000000")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b c"]}}""", "'model.merges[0]'")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}""", "no token 'b'")]
    [InlineData("""{"model":{"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1}}""", "'model.dropout' is 0.1")]
    [InlineData("""{"model":{"type":"Unigram","vocab":[]}}""", "'model.vocab' is []")]
    public void Load_DamagedModel_NamesThePlace(string json, string expected) => AssertRefused(json, expected);

    [Theory]
    [InlineData("""
        "added_tokens":[{"id":1}]
        """, "'added_tokens[0].content' is missing")]
    [InlineData("""
        "pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\p{Greek}"},"behavior":"Removed"}
        """, "the property 'Greek'")]
    [InlineData("""
        "pre_tokenizer":{"type":"Split","pattern":{"String":"a"},"behavior":"Shredded"}
        """, "'pre_tokenizer.behavior' is \"Shredded\"")]
    [InlineData("""
        "pre_tokenizer":{"type":"FixedLength","length":0}
        """, "'pre_tokenizer.length' is 0")]
    [InlineData("""
        "decoder":{"type":"BPEDecoder","suffix":""}
        """, "'decoder.suffix'")]
    [InlineData("""
        "post_processor":{"type":"BertProcessing","cls":[],"sep":[]}
        """, "'post_processor.cls' is []")]
    [InlineData("""
        "post_processor":{"type":"BertProcessing","cls":["a",0],"sep":["b",7]}
        """, "adds the token 7")]
    [InlineData("""
        "normalizer":{"type":"Precompiled","precompiled_charsmap":"AAA"}
        """, "precompiled_charsmap")]
    public void Load_DamagedStage_NamesThePlace(string stage, string expected) => AssertRefused(
        $$"""{ {{Model}}, {{stage}} }""", expected);

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")]
    [InlineData("")]
    public void Load_NoSentencePieceModel_SaysSo(string content)
    {
        File.WriteAllText(_folder.File("tokenizer.model"), content);
        var error = Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder.Path));
        Assert.Contains("not a SentencePiece model", error.Message);
    }

    [Fact]
    public void Load_CutSentencePieceModel_NeverCrashes()
    {
        var whole = Fixture.Read("sentencepiece", "bpe_suffix.model.gz");
        for (var length = 0; length < whole.Length; length += 97)
        {
            File.WriteAllBytes(_folder.File("tokenizer.model"), whole[..length]);
            var error = Record.Exception(() => Tokenizer.Load(_folder.Path));
            Assert.True(error is null or CheckpointException, $"{length} bytes: {error}");
        }
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public void Decode_IdOutsideTheVocabulary_IsRefused(int id)
    {
        File.WriteAllText(_folder.File("tokenizer.json"), """{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}""");
        var tokenizer = Tokenizer.Load(_folder.Path);
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([id]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.IdToToken(id));
    }

    private void AssertRefused(string json, string expected)
    {
        File.WriteAllText(_folder.File("tokenizer.json"), json);
        var error = Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder.Path));
        Assert.Contains(expected, error.Message);
        Assert.Contains(_folder.Path, error.Message);
    }
}
