using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;
using Lorikeet.Text.Tokenization.SentencePiece;

namespace NanoBase.Tokenizing;

/// <summary>
/// The files that the tokenizers library reads, made of a SentencePiece byte-pair model so that they say what it says,
/// as those of Llama-2 do (convert_slow_tokenizer.py, <c>LlamaConverter</c> with <c>legacy</c> on): a space before
/// every text, whatever it begins with. The class is the plain one, as transformers 5 makes other rules of the name
/// LlamaTokenizer.
/// </summary>
internal static class HuggingFaceTokenizer
{
    private const string Metaspace = "\u2581";
    private const int ContextLength = 512;

    private static readonly string[] _specialTokens = ["<unk>", "<s>", "</s>"];

    /// <summary>Names and contents of the files that belong beside <paramref name="modelFile"/>.</summary>
    public static IEnumerable<(string Name, string Content)> Write(string modelFile)
    {
        var model = SentencePieceModel.Read(modelFile);
        yield return ("tokenizer.json", Format(Tokenizer(model)));
        yield return ("tokenizer_config.json", Format(Configuration()));
        yield return ("special_tokens_map.json", Format(SpecialTokensMap()));
    }

    private static string Format(JsonNode node) => node.ToJsonString(JsonFormats.Indented) + "\n";

    private static JsonObject Tokenizer(SentencePieceModel model) => new()
    {
        ["version"] = "1.0",
        ["truncation"] = null,
        ["padding"] = null,
        ["added_tokens"] = new JsonArray([.. _specialTokens.Select((content, id) => AddedToken(id, content))]),
        ["normalizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["normalizers"] = new JsonArray(
                new JsonObject { ["type"] = "Prepend", ["prepend"] = Metaspace },
                new JsonObject
                {
                    ["type"] = "Replace",
                    ["pattern"] = new JsonObject { ["String"] = " " },
                    ["content"] = Metaspace,
                }),
        },
        ["pre_tokenizer"] = null,
        ["post_processor"] = PostProcessor(),
        ["decoder"] = Decoder(),
        ["model"] = BytePairModel(model),
    };

    private static JsonObject AddedToken(int id, string content) => new()
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = true,
    };

    private static JsonObject PostProcessor() => new()
    {
        ["type"] = "TemplateProcessing",
        ["single"] = new JsonArray(Piece("SpecialToken", "<s>", 0), Piece("Sequence", "A", 0)),
        ["pair"] = new JsonArray(
            Piece("SpecialToken", "<s>", 0), Piece("Sequence", "A", 0),
            Piece("SpecialToken", "<s>", 1), Piece("Sequence", "B", 1)),
        ["special_tokens"] = new JsonObject
        {
            ["<s>"] = new JsonObject
            {
                ["id"] = "<s>",
                ["ids"] = new JsonArray(1),
                ["tokens"] = new JsonArray("<s>"),
            },
        },
    };

    private static JsonObject Piece(string kind, string id, int type) =>
        new() { [kind] = new JsonObject { ["id"] = id, ["type_id"] = type } };

    private static JsonObject Decoder() => new()
    {
        ["type"] = "Sequence",
        ["decoders"] = new JsonArray(
            new JsonObject
            {
                ["type"] = "Replace",
                ["pattern"] = new JsonObject { ["String"] = Metaspace },
                ["content"] = " ",
            },
            new JsonObject { ["type"] = "ByteFallback" },
            new JsonObject { ["type"] = "Fuse" },
            new JsonObject { ["type"] = "Strip", ["content"] = " ", ["start"] = 1, ["stop"] = 0 }),
    };

    private static JsonObject BytePairModel(SentencePieceModel model) => new()
    {
        ["type"] = "BPE",
        ["dropout"] = null,
        ["unk_token"] = null,
        ["continuing_subword_prefix"] = null,
        ["end_of_word_suffix"] = null,
        ["fuse_unk"] = true,
        ["byte_fallback"] = true,
        ["ignore_merges"] = false,
        ["vocab"] = new JsonObject(model.Pieces.Select((piece, id) => KeyValuePair.Create(piece.Text, (JsonNode?)id))),
        ["merges"] = new JsonArray([.. model.Merges().Select(merge => new JsonArray(merge.Left, merge.Right))]),
    };

    private static JsonObject Configuration() => new()
    {
        ["add_bos_token"] = true,
        ["add_eos_token"] = false,
        ["added_tokens_decoder"] = new JsonObject(_specialTokens.Select((content, id) =>
        {
            var token = AddedToken(id, content);
            token.Remove("id");
            return KeyValuePair.Create($"{id}", (JsonNode?)token);
        })),
        ["bos_token"] = "<s>",
        ["clean_up_tokenization_spaces"] = false,
        ["eos_token"] = "</s>",
        ["model_max_length"] = ContextLength,
        ["tokenizer_class"] = "PreTrainedTokenizerFast",
        ["unk_token"] = "<unk>",
        ["use_default_system_prompt"] = false,
    };

    private static JsonObject SpecialTokensMap() =>
        new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>", ["unk_token"] = "<unk>" };
}
