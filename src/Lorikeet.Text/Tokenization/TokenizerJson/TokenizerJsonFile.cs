using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>
/// Reads <c>tokenizer.json</c>, the format of the Hugging Face <c>tokenizers</c> library. Its truncation and padding
/// settings are left to whoever makes batches.
/// </summary>
internal static class TokenizerJsonFile
{
    public static PipelineTokenizer Load(string file, TokenizerConfiguration configuration)
    {
        var root = JsonSetting.Read(file);
        var model = ModelReader.Read(root["model"]);
        var pipeline = new TokenizerPipeline
        {
            AddedTokens = ReadAddedTokens(root["added_tokens"], model.Vocabulary, configuration),
            Normalizer = NormalizerReader.Read(root["normalizer"]),
            PreTokenizer = PreTokenizerReader.Read(root["pre_tokenizer"]),
            Model = model,
            PostProcessor = PostProcessorReader.Read(root["post_processor"], model.Vocabulary),
            Decoder = DecoderReader.Read(root["decoder"]),
        };
        return new PipelineTokenizer(pipeline, configuration);
    }

    private static IReadOnlyList<AddedToken> ReadAddedTokens(
        JsonSetting tokens, Vocabulary vocabulary, TokenizerConfiguration configuration)
    {
        var list = new AddedTokenList(vocabulary);
        if (!tokens.IsMissing)
            list.Add(tokens.Items().Select(token => AddedTokenFile.ReadToken(token["id"].AsInt(), token)));
        list.Add(configuration.AddedTokens);
        list.AddSpecial(configuration.SpecialTokens);
        return list.Tokens;
    }
}
