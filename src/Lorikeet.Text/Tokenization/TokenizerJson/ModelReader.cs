using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>Reads the <c>model</c> of a <c>tokenizer.json</c>.</summary>
internal static class ModelReader
{
    // How much worse than the least likely token an unknown character is; SentencePiece's constant.
    private const double UnknownPenalty = 10;

    // The time for a word grows with the square of its length; BERT's limit is 100.
    private const int LongestWord = 10_000;

    public static ITokenModel Read(JsonSetting model) => model["type"].AsStringOrNull() switch
    {
        "BPE" => ReadBpe(model),
        "Unigram" => ReadUnigram(model),
        "WordLevel" => ReadWordLevel(model),
        "WordPiece" => ReadWordPiece(model),
        // The oldest files name no type; a list of merges gives the model away.
        null when model["merges"].IsArray => ReadBpe(model),
        null => throw model["type"].Unexpected("the name of a model"),
        _ => throw Components.Unknown(model, "model"),
    };

    private static BpeModel ReadBpe(JsonSetting model)
    {
        if (!model["dropout"].IsMissing && model["dropout"].AsDouble() != 0)
            throw model["dropout"].Unexpected("null or 0, because dropout would make encoding random");
        var options = new BpeOptions
        {
            UnknownToken = model["unk_token"].AsStringOrNull(),
            FusesUnknown = model["fuse_unk"].AsBool(false),
            FallsBackToBytes = model["byte_fallback"].AsBool(false),
            IgnoresMerges = model["ignore_merges"].AsBool(false),
            ContinuingSubwordPrefix = model["continuing_subword_prefix"].AsString(""),
            EndOfWordSuffix = model["end_of_word_suffix"].AsString(""),
        };
        try
        {
            var merges = model["merges"].Items().Select(ReadMerge).ToList();
            return new BpeModel(ReadVocabulary(model["vocab"]), merges, options);
        }
        catch (InvalidDataException error)
        {
            throw new CheckpointException(
                $"{error.Message} Expected a vocabulary and merges that belong together. '{model.File}'. "
                + "The file may be damaged or edited by hand; fetch it again.",
                error);
        }
    }

    // Both spellings are in use: "a b" and ["a", "b"].
    private static BpeMerge ReadMerge(JsonSetting merge, int rank)
    {
        if (merge.IsString)
        {
            var text = merge.AsString();
            var space = text.IndexOf(' ');
            if (space > 0 && space + 1 < text.Length && text.IndexOf(' ', space + 1) < 0)
                return new BpeMerge(text[..space], text[(space + 1)..], rank);
        }
        else if (merge.IsArray && merge.Items().ToList() is { Count: 2 } pair)
        {
            if (pair[0].AsString() is { Length: > 0 } left && pair[1].AsString() is { Length: > 0 } right)
                return new BpeMerge(left, right, rank);
        }
        throw merge.Unexpected("two tokens");
    }

    private static Vocabulary ReadVocabulary(JsonSetting vocabulary)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (token, id) in vocabulary.Members())
            ids[token] = id.AsTokenId();
        return new Vocabulary(ids);
    }

    private static UnigramModel ReadUnigram(JsonSetting model)
    {
        var tokens = new List<(string Token, int Id, double Score)>();
        foreach (var entry in model["vocab"].Items())
        {
            var pair = entry.Items().ToList();
            if (pair.Count != 2)
                throw entry.Unexpected("a token and its score");
            if (pair[0].AsString().Length > ReadingLimits.TokenLength)
                throw pair[0].Unexpected($"at most {ReadingLimits.TokenLength} characters");
            tokens.Add((pair[0].AsString(), tokens.Count, pair[1].AsDouble()));
        }
        if (tokens.Count == 0)
            throw model["vocab"].Unexpected("at least one token");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (token, id, _) in tokens)
            ids[token] = id;
        var options = new UnigramOptions
        {
            Unknown = model["unk_id"].AsIntBetweenOrNull(0, tokens.Count - 1),
            UnknownScore = tokens.Min(token => token.Score) - UnknownPenalty,
            FallsBackToBytes = model["byte_fallback"].AsBool(false),
        };
        return new UnigramModel(new Vocabulary(ids), tokens, options);
    }

    private static WordLevelModel ReadWordLevel(JsonSetting model)
    {
        var vocabulary = ReadVocabulary(model["vocab"]);
        return new WordLevelModel(vocabulary, vocabulary.Find(model["unk_token"].AsString("<unk>")));
    }

    private static WordPieceModel ReadWordPiece(JsonSetting model)
    {
        var vocabulary = ReadVocabulary(model["vocab"]);
        var unknown = vocabulary.Find(model["unk_token"].AsString("[UNK]"));
        return new WordPieceModel(
            vocabulary,
            unknown ?? throw model["unk_token"].Unexpected("a token of the vocabulary"),
            model["continuing_subword_prefix"].AsString("##"),
            Math.Min(model["max_input_chars_per_word"].AsInt(100), LongestWord));
    }
}
