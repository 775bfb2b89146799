using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Models;
using Lorikeet.Text.Tokenization.PostProcessors;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>
/// Makes a tokenizer of a <c>tokenizer.model</c>. A byte-pair model of the Llama family becomes what transformers makes
/// of it; any other, and one that stands alone in its folder, is what SentencePiece itself makes of it.
/// </summary>
internal static class SentencePieceFile
{
    // How much worse than the least likely piece an unknown character is (kUnkPenalty of unigram_model.cc).
    private const float UnknownPenalty = 10;

    // Where the search for the largest score begins (FLT_MIN there), so that no largest score is negative.
    private const float SmallestScore = 1.17549435e-38f;

    public static Tokenizer Load(string file, TokenizerConfiguration configuration)
    {
        var model = SentencePieceModel.Read(file);
        var isLlama = configuration.TokenizerClass is null or "LlamaTokenizer" or "LlamaTokenizerFast";
        return configuration.BelongsToModel && isLlama && model.Algorithm == SentencePieceAlgorithm.Bpe
            ? LlamaConverter.Convert(model, configuration)
            : Create(file, model, configuration);
    }

    private static PipelineTokenizer Create(string file, SentencePieceModel model, TokenizerConfiguration configuration)
    {
        var vocabulary = model.ToVocabulary();
        var added = new AddedTokenList(vocabulary);
        if (configuration.BelongsToModel)
        {
            added.Add(configuration.AddedTokens);
            added.AddSpecial(configuration.SpecialTokens);
        }
        var userDefined = new AddedTokenMatcher(model.Pieces
            .Select((piece, id) => (piece.Text, Token: new AddedToken(id, piece.Text)))
            .Where(item => model.Pieces[item.Token.Id].Kind == PieceKind.UserDefined));
        var pipeline = new TokenizerPipeline
        {
            AddedTokens = added.Tokens,
            Normalizer = new SentencePieceNormalizer(model, userDefined),
            Model = CreateModel(file, model, vocabulary, userDefined),
            PostProcessor = TemplatePostProcessor.FromSettings(configuration, added, addsBegin: false),
            Decoder = new SentencePieceDecoder(model, added.Tokens.Select(token => token.Content).ToHashSet()),
        };
        return new PipelineTokenizer(pipeline, WithTokens(model, configuration));
    }

    private static ITokenModel CreateModel(
        string file, SentencePieceModel model, Vocabulary vocabulary, AddedTokenMatcher userDefined) =>
        model.Algorithm switch
        {
            SentencePieceAlgorithm.Bpe => new UserDefinedPieces(
                CachedModel.Around(CreateBpe(file, model, vocabulary), spellsBytes: false), userDefined),
            SentencePieceAlgorithm.Unigram => CreateUnigram(model, vocabulary),
            _ => throw new CheckpointException(
                $"The SentencePiece model is of the kind '{model.Algorithm}'. Expected BPE or unigram. '{file}'. "
                + "Language models use no other; check that the file belongs to the model."),
        };

    private static BpeModel CreateBpe(string file, SentencePieceModel model, Vocabulary vocabulary)
    {
        if (model.Pieces.Any(piece => piece.Kind == PieceKind.Unused))
        {
            throw new CheckpointException(
                "The SentencePiece model has pieces marked as unused. Expected a BPE vocabulary that was not "
                + $"restricted, because Lorikeet does not cut such pieces up again. '{file}'. "
                + "Please report the model's name.");
        }
        var options = new BpeOptions
        {
            UnknownToken = model.Pieces.First(piece => piece.Kind == PieceKind.Unknown).Text,
            FusesUnknown = true,
            FallsBackToBytes = model.FallsBackToBytes,
        };
        return new BpeModel(vocabulary, PieceMerges.ByScore(model, vocabulary), options);
    }

    // A user-defined piece is always better than any way to cut it up.
    private static UnigramModel CreateUnigram(SentencePieceModel model, Vocabulary vocabulary)
    {
        var normal = model.Pieces.Where(piece => piece.Kind == PieceKind.Normal).Select(piece => piece.Score).ToList();
        var scored = model.Pieces
            .Select((piece, id) => (piece, id))
            .Where(item => item.piece.Kind is PieceKind.Normal or PieceKind.UserDefined)
            .Select(item => (item.piece.Text, item.id, Score(item.piece)));
        var options = new UnigramOptions
        {
            Unknown = model.Pieces.ToList().FindIndex(piece => piece.Kind == PieceKind.Unknown),
            UnknownScore = normal.Min() - UnknownPenalty,
            FallsBackToBytes = model.FallsBackToBytes,
            IsSinglePrecision = true,
        };
        return new UnigramModel(vocabulary, scored, options);

        double Score(SentencePiece piece) => piece.Kind == PieceKind.UserDefined
            ? (System.Text.Encoding.UTF8.GetByteCount(piece.Text) * Math.Max(normal.Max(), SmallestScore)) - 0.1
            : piece.Score;
    }

    // A model that stands alone has no other place to say which pieces begin and end a sequence.
    private static TokenizerConfiguration WithTokens(SentencePieceModel model, TokenizerConfiguration configuration)
    {
        string? Control(string text) =>
            model.Pieces.Any(piece => piece.Kind == PieceKind.Control && piece.Text == text) ? text : null;
        return configuration.WithDefaults(("bos_token", Control("<s>")), ("eos_token", Control("</s>")));
    }
}
