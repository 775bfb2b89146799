using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Decoders;
using Lorikeet.Text.Tokenization.Models;
using Lorikeet.Text.Tokenization.Patterns;
using Lorikeet.Text.Tokenization.PostProcessors;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>
/// Makes of a SentencePiece byte-pair model the pipeline that transformers' <c>LlamaTokenizer</c> makes of it
/// (tokenization_llama.py and convert_slow_tokenizer.py of transformers 5): the order of the merges is the order of
/// the pieces, and the model's own normalizer is not used.
/// </summary>
internal static class LlamaConverter
{
    public static PipelineTokenizer Convert(SentencePieceModel model, TokenizerConfiguration configuration)
    {
        configuration = configuration.WithDefaults(
            ("bos_token", "<s>"), ("eos_token", "</s>"), ("unk_token", "<unk>"));
        var vocabulary = model.ToVocabulary();
        var options = new BpeOptions { FusesUnknown = true, FallsBackToBytes = true };
        var addedTokens = ReadAddedTokens(model, vocabulary, configuration);
        var addsPrefix = configuration.AddsPrefixSpace ?? true;
        var scheme = Scheme(configuration);
        var pipeline = new TokenizerPipeline
        {
            AddedTokens = addedTokens.Tokens,
            PreTokenizer = new MetaspacePreTokenizer(Metaspace.Symbol, scheme, splits: false),
            Model = CachedModel.Around(
                new BpeModel(vocabulary, PieceMerges.ByPlace(model, vocabulary), options), spellsBytes: false),
            PostProcessor = TemplatePostProcessor.FromSettings(configuration, addedTokens, addsBegin: true),
            Decoder = CreateDecoder(addsPrefix),
        };
        return new PipelineTokenizer(pipeline, configuration);
    }

    /// <summary>Where a space is put; files from before the setting existed mean the behaviour of their time.</summary>
    public static PrependScheme Scheme(TokenizerConfiguration configuration)
    {
        if (!(configuration.AddsPrefixSpace ?? true))
            return PrependScheme.Never;
        return configuration.IsLegacy ?? true ? PrependScheme.Always : PrependScheme.First;
    }

    private static AddedTokenList ReadAddedTokens(
        SentencePieceModel model, Vocabulary vocabulary, TokenizerConfiguration configuration)
    {
        var list = new AddedTokenList(vocabulary);
        list.Add(configuration.AddedTokens);
        list.Add(model.Pieces
            .Select((piece, id) => (piece, id))
            .Where(item => item.piece.Kind is PieceKind.Control or PieceKind.UserDefined)
            .Select(item => new AddedToken(item.id, item.piece.Text, item.piece.Kind == PieceKind.Control)));
        list.AddSpecial([configuration.UnknownToken!, configuration.BeginToken!, configuration.EndToken!]);
        list.AddSpecial(configuration.SpecialTokens);
        return list;
    }

    private static SequenceDecoder CreateDecoder(bool addsPrefix)
    {
        List<IDecoder> decoders =
        [
            new ReplaceDecoder(new LiteralPattern(Metaspace.Symbol.ToString()), " "),
            new ByteFallbackDecoder(),
            new FuseDecoder(),
        ];
        if (addsPrefix)
            decoders.Add(new StripDecoder(' ', fromStart: 1, fromEnd: 0));
        return new SequenceDecoder(decoders);
    }
}
