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
        return new PipelineTokenizer(pipeline, configuration) { Caution = CautionOf(model) };
    }

    private static string? CautionOf(SentencePieceModel model)
    {
        var normal = model.Pieces.Where(piece => piece.Kind == PieceKind.Normal).ToArray();
        var worse = normal.Zip(normal.Skip(1)).Where(pair => pair.Second.Score > pair.First.Score)
            .Select(pair => pair.First.Text);
        return worse.FirstOrDefault() is not { } piece
            ? null
            : $"tokenizer.model scores pieces against their places ('{piece}'), and there is no tokenizer.json. " +
                "Pieces are merged by place, as transformers does; SentencePiece and llama.cpp, which go by the " +
                "scores, cut such texts up otherwise (in Llama-2's vocabulary, runs of spaces). Put the model's " +
                "tokenizer.json beside it.";
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
