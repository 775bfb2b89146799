using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>Reads the <c>model</c> of a <c>tokenizer.json</c>.</summary>
internal static class ModelReader
{
    public static ITokenModel Read(JsonSetting model) => model["type"].AsStringOrNull() switch
    {
        "BPE" => ReadBpe(model),
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
        return new BpeModel(ReadVocabulary(model["vocab"]), [.. model["merges"].Items().Select(ReadMerge)], options);
    }

    // Both spellings are in use: "a b" and ["a", "b"].
    private static (string Left, string Right) ReadMerge(JsonSetting merge)
    {
        if (merge.IsString)
        {
            var text = merge.AsString();
            var space = text.IndexOf(' ');
            if (space > 0 && space + 1 < text.Length && text.IndexOf(' ', space + 1) < 0)
                return (text[..space], text[(space + 1)..]);
        }
        else if (merge.IsArray && merge.Items().ToList() is { Count: 2 } pair)
        {
            return (pair[0].AsString(), pair[1].AsString());
        }
        throw merge.Unexpected("two tokens");
    }

    private static Vocabulary ReadVocabulary(JsonSetting vocabulary)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (token, id) in vocabulary.Members())
            ids[token] = id.AsInt();
        return new Vocabulary(ids);
    }
}
