using Lorikeet.Formats.Json;
using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Models;
using Lorikeet.Text.Tokenization.PreTokenizers;
using Lorikeet.Text.Tokenization.SentencePiece;
using Lorikeet.Text.Tokenization.TokenizerJson;

namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>The tokens of a tokenizer as a GGUF file lists them, one for each row of the embedding.</summary>
/// <remarks>
/// Reference: llama.cpp <c>convert_hf_to_gguf.py</c>, <c>_create_vocab_sentencepiece</c> and <c>get_vocab_base</c>.
/// </remarks>
internal sealed class GgufVocabulary
{
    // What added tokens and holes score there.
    private const float AddedScore = -1000;
    private const float HoleScore = -10000;

    private readonly HashSet<int> _leftOut = [];

    private GgufVocabulary(string model, string rules, int size)
    {
        (Model, Rules) = (model, rules);
        Tokens = [.. Enumerable.Range(0, size).Select(id => $"[PAD{id}]")];
        Scores = [.. Enumerable.Repeat(HoleScore, size)];
        Types = [.. Enumerable.Repeat((int)GgufTokenType.Unused, size)];
    }

    /// <summary><see cref="GgufKeys.SentencePiece"/> or <see cref="GgufKeys.ByteLevel"/>.</summary>
    public string Model { get; }

    /// <summary>Name of the pre-tokenizer.</summary>
    public string Rules { get; }

    public string[] Tokens { get; }

    /// <summary>What a piece is worth; SentencePiece only.</summary>
    public float[] Scores { get; private set; }

    /// <summary>
    /// What else the pieces could be worth: the order of the merges where a <c>tokenizer.json</c> has some beside the
    /// scores of its <c>tokenizer.model</c>. Null without.
    /// </summary>
    public float[]? OtherScores { get; private set; }

    /// <summary>Values of <see cref="GgufTokenType"/>.</summary>
    public int[] Types { get; }

    /// <summary>Pairs with a space between; byte-level only.</summary>
    public string[]? Merges { get; private init; }

    /// <summary>Where transformers' tokenizer puts a space, when it is not where llama.cpp puts it.</summary>
    public PrependScheme? SpaceScheme { get; private set; }

    /// <summary>How many tokens were left out because the embedding has no row for them.</summary>
    public int LeftOut => _leftOut.Count;

    /// <summary>Reads the tokenizer of a model folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="size">Rows of the embedding.</param>
    /// <exception cref="CheckpointException">llama.cpp has no form for the tokenizer.</exception>
    public static GgufVocabulary Read(string folder, int size)
    {
        var configuration = TokenizerConfiguration.Read(folder);
        var json = Path.Combine(folder, "tokenizer.json");
        var root = File.Exists(json) ? JsonSetting.Read(json) : default;
        var pieces = Path.Combine(folder, "tokenizer.model");
        var vocabulary = File.Exists(pieces) ? OfPieces(pieces, size)
            : root["model"]["byte_fallback"].AsBool(false) ? OfMergedPieces(root, size)
            : OfBytes(root, folder, size);
        List<AddedToken> added = [.. AddedTokens(root), .. configuration.AddedTokens];
        foreach (var token in added)
            vocabulary.Add(token);

        // Transformers ranks the merges of a tokenizer.model by the places of the pieces, whatever their scores.
        var ranksByPlace = root.IsMissing && configuration.BelongsToModel;
        if (ranksByPlace)
            vocabulary.RankByPlace();
        if (File.Exists(pieces) && root["model"]["byte_fallback"].AsBool(false))
        {
            var merged = OfMergedPieces(root, size);
            foreach (var token in added)
                merged.Add(token);
            vocabulary.OtherScores = merged.Scores;
        }

        vocabulary.SpaceScheme = vocabulary.Model != GgufKeys.SentencePiece ? null
            : ranksByPlace ? LlamaConverter.Scheme(configuration)
            : root.IsMissing ? null
            : root["pre_tokenizer"]["type"].AsStringOrNull() == "Metaspace"
                ? PreTokenizerReader.ReadScheme(root["pre_tokenizer"])
            : null;
        return vocabulary;
    }

    private void RankByPlace()
    {
        for (var id = 0; id < Tokens.Length; id++)
            if (Types[id] == (int)GgufTokenType.Normal)
                Scores[id] = -id;
    }

    private static GgufVocabulary OfPieces(string file, int size)
    {
        var model = SentencePieceModel.Read(file);
        if (model.Algorithm != SentencePieceAlgorithm.Bpe)
            throw Unsupported($"The SentencePiece model is of the kind '{model.Algorithm}'", file);
        var vocabulary = new GgufVocabulary(GgufKeys.SentencePiece, "default", size);
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            var piece = model.Pieces[id];
            vocabulary.Set(id, piece.Text, (GgufTokenType)piece.Kind, piece.Score);
        }

        return vocabulary;
    }

    /// <summary>A SentencePiece vocabulary of which only the merges are left: their order gives the scores.</summary>
    private static GgufVocabulary OfMergedPieces(JsonSetting root, int size)
    {
        var vocabulary = new GgufVocabulary(GgufKeys.SentencePiece, "default", size);
        var tokens = root["model"]["vocab"].Members()
            .Select(member => (Text: member.Name, Id: member.Value.AsTokenId())).ToList();
        var ranks = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (left, right) in Pairs(root))
            ranks.TryAdd(left + right, ranks.Count);
        var added = AddedTokens(root).Select(token => token.Content).ToHashSet(StringComparer.Ordinal);
        foreach (var (text, _) in tokens.Where(token => !ByteTokens.TryParse(token.Text, out _))
            .OrderBy(token => token.Id))
        {
            if (!added.Contains(text))
                ranks.TryAdd(text, ranks.Count);
        }

        var unknown = root["model"]["unk_token"].AsStringOrNull();
        foreach (var (text, id) in tokens)
        {
            var type = ByteTokens.TryParse(text, out _) ? GgufTokenType.Byte
                : text == unknown ? GgufTokenType.Unknown
                : GgufTokenType.Normal;
            vocabulary.Set(id, text, type, ranks.TryGetValue(text, out var rank) ? -rank : 0);
        }

        return vocabulary;
    }

    private static GgufVocabulary OfBytes(JsonSetting root, string folder, int size)
    {
        var file = root.IsMissing ? folder : root.File;
        var (kind, decoder) = (root["model"]["type"].AsStringOrNull(), root["decoder"]["type"].AsStringOrNull());
        if (kind != "BPE" || decoder != "ByteLevel")
            throw Unsupported($"The tokenizer is of the kind '{kind}' with the decoder '{decoder}'", file);
        var rules = PreTokenizerNames.Find(root) ?? throw Unsupported(
            "The rules by which the tokenizer splits text have no name in llama.cpp " +
            $"(known here: {string.Join(", ", PreTokenizerNames.All)})", file);
        var merges = Pairs(root).Select(pair => $"{Spell(pair.Left)} {Spell(pair.Right)}").ToArray();
        var vocabulary = new GgufVocabulary(GgufKeys.ByteLevel, rules, size) { Merges = merges };
        foreach (var (token, id) in root["model"]["vocab"].Members())
            vocabulary.Set(id.AsTokenId(), token, GgufTokenType.Normal, 0);
        return vocabulary;

        static string Spell(string part) => part.Replace(' ', 'Ġ');
    }

    private static IEnumerable<(string Left, string Right)> Pairs(JsonSetting root)
    {
        foreach (var merge in root["model"]["merges"].Items())
        {
            var parts = merge.IsString
                ? merge.AsString().Split(' ')
                : [.. merge.Items().Select(part => part.AsString())];
            yield return parts.Length == 2 ? (parts[0], parts[1]) : throw merge.Unexpected("two tokens");
        }
    }

    private static IEnumerable<AddedToken> AddedTokens(JsonSetting root) => root["added_tokens"].IsMissing
        ? []
        : root["added_tokens"].Items().Select(token => AddedTokenFile.ReadToken(token["id"].AsTokenId(), token));

    private void Add(AddedToken token)
    {
        var isControl = token.IsSpecial || LooksSpecial(token.Content);
        var text = isControl ? token.Content : token.Content.Replace(Metaspace.Symbol, ' ');
        Set(token.Id, text, isControl ? GgufTokenType.Control : GgufTokenType.UserDefined, AddedScore);
    }

    private void Set(int id, string text, GgufTokenType type, float score)
    {
        if (id >= Tokens.Length)
        {
            _leftOut.Add(id);
            return;
        }

        (Tokens[id], Types[id], Scores[id]) = (text, (int)type, score);
    }

    // Some models mark tokens that ought to be control tokens as ordinary ones.
    private static bool LooksSpecial(string text) =>
        text is "<pad>" or "<mask>" or "<2mass>" or "[@BOS@]"
        || (text.StartsWith("<|", StringComparison.Ordinal) && text.EndsWith("|>", StringComparison.Ordinal))
        || (text.StartsWith("<｜", StringComparison.Ordinal) && text.EndsWith("｜>", StringComparison.Ordinal))
        || (text.StartsWith("<unused", StringComparison.Ordinal) && text.EndsWith('>'));

    private static CheckpointException Unsupported(string what, string where) => new(
        $"{what}. A SentencePiece byte-pair model or a byte-level byte-pair tokenizer was expected, which llama.cpp " +
        $"can run. Where: '{where}'. The weights can still be used here, from the model folder.");
}
