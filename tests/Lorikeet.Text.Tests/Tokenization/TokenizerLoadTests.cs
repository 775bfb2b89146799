using System.Text.Json.Nodes;
using Lorikeet.Text.ChatTemplates;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Text.Tests.Tokenization;

public sealed class TokenizerLoadTests : IDisposable
{
    private const string Model = """
        "model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"<s>":3,"</s>":4},"merges":["a b"]}
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Load_ConfigurationBesideTokenizerJson_GivesSpecialTokensAndTemplate()
    {
        Write("tokenizer.json", $$"""{ {{Model}} }""");
        Write("tokenizer_config.json", """
            {"bos_token":{"content":"<s>","lstrip":false},"eos_token":"</s>","pad_token":"<pad>","chat_template":"T"}
            """);
        var tokenizer = Load();
        Assert.Equal((3, 4, 5), (tokenizer.BeginToken, tokenizer.EndToken, tokenizer.PadToken));
        Assert.Equal(6, tokenizer.VocabularySize);
        Assert.Equal("T", tokenizer.ChatTemplate);
        Assert.Equal(_folder.Path, tokenizer.Folder);
        Assert.False(tokenizer.AddsBeginToken);
        Assert.True(tokenizer.IsSpecial(5));
        Assert.False(tokenizer.IsSpecial(2));
        Assert.Equal("ab", tokenizer.IdToToken(2));
        Assert.Null(tokenizer.TokenToId("c"));
        Assert.Equal([2, 5, 0], tokenizer.Encode("ab<pad>a").Ids);
        Assert.Equal([(0, 2), (2, 7), (7, 8)], tokenizer.Encode("ab<pad>a").Offsets);
    }

    [Fact]
    public void Load_SettingsAndNoPostProcessor_AddsBeginAndEnd()
    {
        Write("tokenizer.json", $$"""{ {{Model}} }""");
        Write("tokenizer_config.json", """
            {"bos_token":"<s>","eos_token":"</s>","add_bos_token":true,"add_eos_token":true}
            """);
        Assert.Equal([3, 2, 4], Load().Encode("ab").Ids);
        Assert.Equal([2], Load().Encode("ab", addSpecialTokens: false).Ids);
        Assert.Equal([(0, 0), (0, 2), (0, 0)], Load().Encode("ab").Offsets);
        Assert.True(Load().AddsBeginToken);
    }

    [Fact]
    public void Load_SpecialTokensMapAlone_NamesTheTokens()
    {
        Write("tokenizer.json", $$"""{ {{Model}} }""");
        Write("special_tokens_map.json", """{"bos_token":"<s>","additional_special_tokens":["<x>"]}""");
        Assert.Equal(3, Load().BeginToken);
        Assert.Equal([5], Load().Encode("<x>").Ids);
    }

    [Theory]
    [InlineData(-2f, -1f, true)]
    [InlineData(-1f, -2f, false)]
    public void Load_TokenizerModelWhoseScoresAreAgainstThePlaces_IsSaid(float ofSpaces, float ofWord, bool isSaid)
    {
        (string Text, float Score, byte Kind)[] pieces =
            [
                ("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("▁▁", ofSpaces, 1), ("▁a", ofWord, 1), ("▁", -3, 1),
                ("a", -4, 1)];
        byte[] model =
        [
            .. pieces.SelectMany(piece => Field(1,
            [
                .. Field(1, System.Text.Encoding.UTF8.GetBytes(piece.Text)),
                0x15, .. BitConverter.GetBytes(piece.Score), 0x18, piece.Kind,
            ])),
            .. Field(2, [0x18, 2]),
        ];
        File.WriteAllBytes(Path.Combine(_folder.Path, "tokenizer.model"), model);
        Write("tokenizer_config.json", """{"tokenizer_class":"LlamaTokenizer"}""");
        Assert.Equal(isSaid, Load().Caution?.Contains("'▁▁'") ?? false);

        static byte[] Field(int number, byte[] content) => [(byte)(number << 3 | 2), (byte)content.Length, .. content];
    }

    [Fact]
    public void Load_TokensInTheConfigurationOnly_AreAdded()
    {
        Write("tokenizer.json", $$"""{ {{Model}} }""");
        Write("tokenizer_config.json", """
            {"added_tokens_decoder":{"7":{"content":"<y>","special":true,"rstrip":true}}}
            """);
        Assert.Equal([7, 0], Load().Encode("<y>  a").Ids);
        Assert.Equal(8, Load().VocabularySize);
        Assert.Equal("", Load().IdToToken(6));
        Assert.Equal("a", Load().Decode([6, 7, 0], skipSpecialTokens: true));
    }

    [Theory]
    [InlineData("""{"chat_template":[{"name":"tool_use","template":"U"},{"name":"default","template":"D"}]}""", "D")]
    [InlineData("""{"chat_template":{"default":"D","other":"O"}}""", "D")]
    [InlineData("""{"chat_template":null}""", null)]
    public void ChatTemplate_InTheConfiguration_IsTheDefaultOne(string configuration, string? expected)
    {
        Write("tokenizer.json", $$"""{ {{Model}} }""");
        Write("tokenizer_config.json", configuration);
        Assert.Equal(expected, Load().ChatTemplate);
    }

    [Fact]
    public void ChatTemplate_InAFileOfItsOwn_ComesBeforeTheConfiguration()
    {
        Write("tokenizer.json", $$"""{ {{Model}} }""");
        Write("tokenizer_config.json", """{"chat_template":"C"}""");
        Write("chat_template.json", """{"chat_template":"J"}""");
        Assert.Equal("J", Load().ChatTemplate);
        Write("chat_template.jinja", "K");
        Assert.Equal("K", Load().ChatTemplate);
    }

    [Fact]
    public void Load_TruncationAndPadding_AreLeftToTraining()
    {
        Write("tokenizer.json", $$"""
            {
              "truncation":{"max_length":1,"strategy":"LongestFirst","stride":0},
              "padding":{"strategy":{"Fixed":9} },
              {{Model}}
            }
            """);
        Assert.Equal([2, 2, 2], Load().Encode("ababab").Ids);
    }

    [Theory]
    [InlineData("""{"legacy":true}""", "</s>▁of</s>")]
    [InlineData("""{"legacy":false}""", "</s>of</s>")]
    [InlineData("{}", "</s>▁of</s>")]
    [InlineData("""{"add_prefix_space":false}""", "</s>of</s>")]
    public void Load_LlamaModel_SettingsDecideAboutTheSpaceAfterSpecialTokens(string configuration, string expected)
    {
        var tokenizer = Fixture.SentencePiece("bpe_no_prefix", configuration);
        var ids = tokenizer.Encode("</s>of</s>", addSpecialTokens: false).Ids;
        Assert.Equal(expected, string.Concat(ids.Select(tokenizer.IdToToken)));
    }

    [Fact]
    public void Load_LlamaModel_AddsTheBeginToken()
    {
        var tokenizer = Fixture.SentencePiece("bpe_no_prefix", "{}");
        Assert.True(tokenizer.AddsBeginToken);
        Assert.Equal(tokenizer.BeginToken, tokenizer.Encode("of").Ids[0]);
        Assert.Equal("of", tokenizer.Decode(tokenizer.Encode("of").Ids, skipSpecialTokens: true));
    }

    [Fact]
    public void Load_OneFile_AppliesTheSettingsBesideIt()
    {
        Write("other.json", $$"""{ {{Model}} }""");
        Write("tokenizer_config.json", """
            {"bos_token":"<s>","add_bos_token":true,
             "chat_template":"{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"}
            """);
        var tokenizer = Tokenizer.Load(_folder.File("other.json"));
        Assert.Equal([3, 2], tokenizer.Encode("ab").Ids);
        JsonArray messages = [new JsonObject { ["role"] = "user", ["content"] = "ab" }];
        Assert.Equal("<s>ab", ChatTemplate.Of(tokenizer)!.Render(messages).Text);
        var own = new JsonObject { ["bos_token"] = "<b>" };
        Assert.Equal("<b>ab", ChatTemplate.Of(tokenizer)!.Render(messages, variables: own).Text);

        Write("other.txt", "");
        Assert.Contains(
            "ends in .json",
            Assert.Throws<CheckpointException>(() => Tokenizer.Load(_folder.File("other.txt"))).Message);
    }

    [Fact]
    public void Exists_FolderWithoutTokenizer_IsFalse()
    {
        Assert.False(Tokenizer.Exists(_folder.Path));
        Write("tokenizer.json", "{}");
        Assert.True(Tokenizer.Exists(_folder.Path));
    }

    private Tokenizer Load() => Tokenizer.Load(_folder.Path);

    private void Write(string name, string content) => File.WriteAllText(_folder.File(name), content);
}
