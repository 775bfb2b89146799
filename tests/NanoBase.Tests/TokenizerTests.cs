using Lorikeet.Text.Tokenization;
using NanoBase.Generation;
using NanoBase.Tokenizing;

namespace NanoBase.Tests;

public sealed class TokenizerTests
{
    private static readonly string _folder = RepositoryFacts.Path("assets", "nano-base");

    [Fact]
    public void CommittedFiles_AreWhatTheConversionWrites() =>
        Assert.All(HuggingFaceTokenizer.Write(Path.Combine(_folder, "tokenizer.model")), file =>
            Assert.Equal(file.Content, File.ReadAllText(Path.Combine(_folder, file.Name))));

    [Fact]
    public void ModelAndJson_GiveTheSameIds()
    {
        var fromJson = Tokenizer.Load(_folder);
        var fromModel = LoadModelAlone();
        var corpus = new CorpusGenerator(RepositoryFacts.Library).Documents(5).Take(500)
            .Select(document => document.Text);
        var questions = RepositoryFacts.Rows("eval.jsonl").Select(row => row.Text);
        string[] strange = ["", " ", "  two  spaces ", "tab\tand\nline", "naïve 1234.5 中文 🦜", "<s>a</s>", "\u2581x"];
        Assert.All(corpus.Concat(questions).Concat(strange), text =>
        {
            var ids = fromJson.Encode(text).Ids;
            Assert.Equal(ids, fromModel.Encode(text).Ids);
            Assert.Equal(fromJson.Decode(ids), fromModel.Decode(ids));
        });
    }

    [Fact]
    public void Questions_AreRestoredByDecoding()
    {
        var tokenizer = Tokenizer.Load(_folder);
        Assert.All(RepositoryFacts.Rows("eval.jsonl"), row =>
            Assert.Equal(row.Text, tokenizer.Decode(tokenizer.Encode(row.Text).Ids, skipSpecialTokens: true)));
    }

    private static Tokenizer LoadModelAlone()
    {
        var folder = Directory.CreateTempSubdirectory("lorikeet-").FullName;
        try
        {
            foreach (var name in new[] { "tokenizer.model", "tokenizer_config.json" })
                File.Copy(Path.Combine(_folder, name), Path.Combine(folder, name));
            return Tokenizer.Load(folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
