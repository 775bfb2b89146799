using Lorikeet.Formats.Json;
using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Models;
using Lorikeet.Text.Tokenization.PostProcessors;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>
/// Reads <c>tokenizer.json</c>, the format of the Hugging Face <c>tokenizers</c> library. Its truncation and padding
/// settings are left to the code that makes batches.
/// </summary>
internal static class TokenizerJsonFile
{
    public static PipelineTokenizer Load(string file, TokenizerConfiguration configuration) =>
        Create(JsonSetting.Read(file), configuration);

    /// <summary>Makes the tokenizer that the content of such a file describes.</summary>
    public static PipelineTokenizer Create(JsonSetting root, TokenizerConfiguration configuration)
    {
        var model = ModelReader.Read(root["model"]);
        var (preTokenizer, spellsBytes) = LeaveSpellingToModel(PreTokenizerReader.Read(root["pre_tokenizer"]));
        var addedTokens = ReadAddedTokens(root["added_tokens"], model.Vocabulary, configuration);
        var pipeline = new TokenizerPipeline
        {
            AddedTokens = addedTokens.Tokens,
            Normalizer = NormalizerReader.Read(root["normalizer"]),
            PreTokenizer = preTokenizer,
            Model = CachedModel.Around(model, spellsBytes),
            PostProcessor = PostProcessorReader.Read(root["post_processor"], model.Vocabulary)
                ?? TemplatePostProcessor.FromSettings(configuration, addedTokens, addsBegin: false),
            Decoder = DecoderReader.Read(root["decoder"]),
        };
        return new PipelineTokenizer(pipeline, configuration);
    }

    // Spelling bytes word by word behind the cache saves rewriting every text.
    private static (IPreTokenizer? PreTokenizer, bool ModelSpells) LeaveSpellingToModel(IPreTokenizer? preTokenizer)
    {
        switch (preTokenizer)
        {
            case ByteLevelPreTokenizer byteLevel:
                return (byteLevel.WithoutSpelling(), true);
            case SequencePreTokenizer { PreTokenizers: [.. var before, ByteLevelPreTokenizer last] }:
                return (new SequencePreTokenizer([.. before, last.WithoutSpelling()]), true);
            default:
                return (preTokenizer, false);
        }
    }

    private static AddedTokenList ReadAddedTokens(
        JsonSetting tokens, Vocabulary vocabulary, TokenizerConfiguration configuration)
    {
        var list = new AddedTokenList(vocabulary);
        if (!tokens.IsMissing)
            list.Add(tokens.Items().Select(token => AddedTokenFile.ReadToken(token["id"].AsTokenId(), token)));
        list.Override(configuration.AddedTokens);
        list.AddSpecial(configuration.SpecialTokens);
        return list;
    }
}
