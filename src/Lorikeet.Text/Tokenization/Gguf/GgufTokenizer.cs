using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Json;
using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.TokenizerJson;

namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>
/// The tokenizer in a GGUF file, translated to the <c>tokenizer.json</c> and <c>tokenizer_config.json</c> that describe
/// the same (<see cref="Tokenizer.Load"/> reads it), and back.
/// </summary>
public sealed class GgufTokenizer
{
    private readonly GgufMetadata _metadata;
    private readonly string _path;
    private readonly string[] _tokens;
    private readonly int[] _types;

    private GgufTokenizer(GgufMetadata metadata, string path)
    {
        (_metadata, _path) = (metadata, path);
        _tokens = metadata.Array<string>(GgufKeys.Tokens) ?? throw metadata.Missing(GgufKeys.Tokens);
        _types = metadata.Array<int>(GgufKeys.Types) ?? [.. _tokens.Select(_ => (int)GgufTokenType.Normal)];
        if (_types.Length != _tokens.Length)
            throw Fault(
                $"It has {_tokens.Length} tokens and {_types.Length} types of them", "as many of each were expected");
    }

    /// <summary>Whether a file holds a tokenizer.</summary>
    /// <param name="path">A GGUF file.</param>
    /// <exception cref="CheckpointException">The file is damaged.</exception>
    public static bool Exists(string path)
    {
        using var file = GgufFile.Open(path);
        return file.Metadata.Text(GgufKeys.Model) is not (null or GgufKeys.None or "none");
    }

    /// <summary>Makes the tokenizer of a file.</summary>
    /// <exception cref="CheckpointException">There is none, or it is of a kind that is not known.</exception>
    internal static Tokenizer Load(string path)
    {
        using var file = GgufFile.Open(path);
        var (json, configuration) = new GgufTokenizer(file.Metadata, path).Describe();
        return TokenizerJsonFile.Create(Setting(json), TokenizerConfiguration.Of(path, Setting(configuration)));

        JsonSetting Setting(JsonObject content) =>
            JsonSetting.Of(JsonElement.Parse(content.ToJsonString(JsonFormats.Line)), path);
    }

    /// <summary>
    /// Writes the tokenizer of a GGUF file as the files Hugging Face libraries read: <c>tokenizer.json</c> and
    /// <c>tokenizer_config.json</c>.
    /// </summary>
    /// <param name="path">The GGUF file.</param>
    /// <param name="folder">Where they go; files of these names are replaced.</param>
    /// <exception cref="CheckpointException">There is no tokenizer, or it is of a kind that is not known.</exception>
    public static void Save(string path, string folder)
    {
        using var file = GgufFile.Open(path);
        var (json, configuration) = new GgufTokenizer(file.Metadata, path).Describe();
        AtomicFile.WriteText(Path.Combine(folder, "tokenizer.json"), json.ToJsonString(JsonFormats.Indented) + "\n");
        AtomicFile.WriteText(
            Path.Combine(folder, "tokenizer_config.json"), configuration.ToJsonString(JsonFormats.Indented) + "\n");
    }

    /// <summary>
    /// The metadata of a file that describe its tokenizer, for another file that is to have the same.
    /// </summary>
    /// <param name="metadata">The metadata of the file.</param>
    /// <param name="chatTemplate">The chat template to write; null for none.</param>
    public static IReadOnlyList<KeyValuePair<string, GgufValue>> Copy(GgufMetadata metadata, string? chatTemplate)
    {
        var kept = metadata.Values.Where(pair => pair.Key != GgufKeys.ChatTemplate
            && (pair.Key.StartsWith("tokenizer.", StringComparison.Ordinal) || GgufKeys.Own.Contains(pair.Key)));
        return chatTemplate is null ? [.. kept] : [.. kept, new(GgufKeys.ChatTemplate, chatTemplate)];
    }

    /// <summary>
    /// Describes the tokenizer of a model folder in metadata: of all that the format can say, what makes llama.cpp cut
    /// texts up as the tokenizer does.
    /// </summary>
    /// <param name="folder">A folder with the tokenizer's files.</param>
    /// <param name="size">Rows of the model's embedding; the file gets as many tokens.</param>
    /// <param name="chatTemplate">The chat template to write; null for the tokenizer's own.</param>
    /// <param name="prompts">
    /// What the template renders, with the tokens the model was trained on: they decide between ways that differ. None
    /// without a template.
    /// </param>
    /// <exception cref="CheckpointException">llama.cpp has no form for the tokenizer.</exception>
    public static DescribedTokenizer Describe(
        string folder, int size, string? chatTemplate, IReadOnlyList<TokenizedText> prompts) =>
        GgufTokenizerMetadata.Describe(folder, size, chatTemplate, prompts);

    private (JsonObject Json, JsonObject Configuration) Describe()
    {
        var whole = _metadata.Text(GgufKeys.HuggingFaceJson);
        return (whole is null ? DescribeVocabulary() : ParseWhole(whole), DescribeConfiguration());
    }

    private JsonObject ParseWhole(string json) =>
        JsonSetting.Parse(json, new JsonOrigin($"{_path}, {GgufKeys.HuggingFaceJson}")).ToObject();

    private JsonObject DescribeVocabulary()
    {
        var root = new JsonObject { ["version"] = "1.0", ["added_tokens"] = AddedTokens() };
        var addsBegin = _metadata.Flag(GgufKeys.AddsBegin);
        switch (_metadata.Text(GgufKeys.Model))
        {
            case GgufKeys.SentencePiece:
                DescribeSentencePiece(root);
                root["post_processor"] = Around(addsBegin ?? true);
                break;
            case GgufKeys.ByteLevel:
                var rules = _metadata.Text(GgufKeys.PreTokenizer);
                DescribeByteLevel(root, rules);
                root["post_processor"] = Around(addsBegin ?? rules is "llama-bpe" or "llama3" or "llama-v3");
                break;
            case var other:
                throw Fault($"Its tokenizer is of the kind '{other}'", "'llama' or 'gpt2' was expected");
        }

        return root;
    }

    private void DescribeSentencePiece(JsonObject root)
    {
        var unknown = Array.IndexOf(_types, (int)GgufTokenType.Unknown);
        if (Named(GgufKeys.Unknown) is not null)
            unknown = _metadata.Integer(GgufKeys.Unknown)!.Value;
        root["model"] = new JsonObject
        {
            ["type"] = "BPE",
            ["unk_token"] = unknown < 0 ? null : _tokens[unknown],
            ["fuse_unk"] = true,
            ["byte_fallback"] = true,
            ["vocab"] = Vocabulary(),
            ["merges"] = new JsonArray([.. Merges()]),
        };
        var addsSpace = _metadata.Flag(GgufKeys.AddsSpace) ?? true;
        var replace = new JsonObject { ["type"] = "Replace", ["pattern"] = Literal(" "), ["content"] = "▁" };
        var prepend = new JsonObject { ["type"] = "Prepend", ["prepend"] = "▁" };
        if (_metadata.Text(GgufKeys.SpaceScheme) is { } scheme)
            root["pre_tokenizer"] = Metaspace(scheme);
        else
            root["normalizer"] = addsSpace ? Sequence("normalizers", prepend, replace) : replace;
        var decoders = Sequence(
            "decoders",
            new JsonObject { ["type"] = "Replace", ["pattern"] = Literal("▁"), ["content"] = " " },
            new JsonObject { ["type"] = "ByteFallback" },
            new JsonObject { ["type"] = "Fuse" });
        if (addsSpace)
        {
            decoders["decoders"]!.AsArray().Add(
                (JsonNode)new JsonObject { ["type"] = "Strip", ["content"] = " ", ["start"] = 1, ["stop"] = 0 });
        }

        root["decoder"] = decoders;
    }

    private void DescribeByteLevel(JsonObject root, string? rules)
    {
        var merges = _metadata.Array<string>(GgufKeys.Merges) ?? throw _metadata.Missing(GgufKeys.Merges);
        root["model"] = new JsonObject
        {
            ["type"] = "BPE",
            ["vocab"] = Vocabulary(),
            ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode)merge)]),
        };
        if (rules is null || !PreTokenizerNames.TryApply(rules, root))
        {
            throw Fault(
                $"Its pre-tokenizer ({GgufKeys.PreTokenizer}) is '{rules}'",
                $"one of {string.Join(", ", PreTokenizerNames.All)} was expected, as another would change the tokens");
        }
    }

    /// <summary>Every way to cut a piece in two is a merge, and the piece with the higher score comes first.</summary>
    private IEnumerable<JsonNode> Merges()
    {
        var byPlace = _metadata.Flag(GgufKeys.RanksByPlace) is true;
        var scores = _metadata.Array<float>(GgufKeys.Scores) ?? throw _metadata.Missing(GgufKeys.Scores);
        if (scores.Length != _tokens.Length)
            throw Fault(
                $"It has {_tokens.Length} tokens and {scores.Length} scores of them", "as many of each were expected");
        if (_tokens.FirstOrDefault(token => token.Length > ReadingLimits.TokenLength) is { } longest)
            throw Fault(
                $"A token has {longest.Length} characters", $"at most {ReadingLimits.TokenLength} were expected");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var id = 0; id < _tokens.Length; id++)
            ids.TryAdd(_tokens[id], id);
        var pieces = Enumerable.Range(0, _tokens.Length)
            .Where(id => _types[id] == (int)GgufTokenType.Normal)
            .OrderByDescending(id => byPlace ? -id : scores[id]);
        foreach (var text in pieces.Select(id => _tokens[id]))
        {
            var cuts = Enumerable.Range(1, Math.Max(0, text.Length - 1))
                .Where(at => !char.IsLowSurrogate(text[at]))
                .Select(at => (Left: text[..at], Right: text[at..]))
                .Where(cut => ids.ContainsKey(cut.Left) && ids.ContainsKey(cut.Right))
                .OrderBy(cut => ids[cut.Left]).ThenBy(cut => ids[cut.Right]);
            foreach (var (left, right) in cuts)
                yield return new JsonArray(left, right);
        }
    }

    private JsonObject Vocabulary()
    {
        var vocabulary = new JsonObject();
        for (var id = 0; id < _tokens.Length; id++)
        {
            if (!IsAdded(id) || _types[id] is (int)GgufTokenType.Unknown or (int)GgufTokenType.Control)
                vocabulary.TryAdd(_tokens[id], id);
        }

        return vocabulary;
    }

    private JsonArray AddedTokens() =>
        new([.. Enumerable.Range(0, _tokens.Length).Where(IsAdded).Select(id => (JsonNode)AddedToken(id))]);

    private JsonObject AddedToken(int id) => new()
    {
        ["id"] = id,
        ["content"] = _tokens[id],
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = _types[id] != (int)GgufTokenType.UserDefined,
    };

    private bool IsAdded(int id) =>
        _types[id] is (int)GgufTokenType.Unknown or (int)GgufTokenType.Control or (int)GgufTokenType.UserDefined;

    private JsonObject? Around(bool addsBegin)
    {
        var begin = addsBegin ? Named(GgufKeys.Begin) : null;
        var end = _metadata.Flag(GgufKeys.AddsEnd) is true ? Named(GgufKeys.End) : null;
        var single = new JsonArray();
        if (begin is not null)
            single.Add(Special(begin));
        single.Add(new JsonObject { ["Sequence"] = new JsonObject { ["id"] = "A", ["type_id"] = 0 } });
        if (end is not null)
            single.Add(Special(end));
        var special = new JsonObject();
        foreach (var (key, token) in new[] { (GgufKeys.Begin, begin), (GgufKeys.End, end) })
        {
            if (token is null)
                continue;
            special[token] = new JsonObject
            {
                ["id"] = token,
                ["ids"] = new JsonArray(_metadata.Integer(key)!.Value),
                ["tokens"] = new JsonArray(token),
            };
        }

        return new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = single,
            ["pair"] = single.DeepClone(),
            ["special_tokens"] = special,
        };

        JsonObject Special(string token) =>
            new() { ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = 0 } };
    }

    private JsonObject DescribeConfiguration()
    {
        var isSentencePiece = _metadata.Text(GgufKeys.Model) == GgufKeys.SentencePiece;
        var configuration = new JsonObject
        {
            ["tokenizer_class"] = isSentencePiece ? "LlamaTokenizerFast" : "PreTrainedTokenizerFast",
            ["clean_up_tokenization_spaces"] = false,
        };
        foreach (var (name, key) in new[]
        {
            ("bos_token", GgufKeys.Begin), ("eos_token", GgufKeys.End),
            ("unk_token", GgufKeys.Unknown), ("pad_token", GgufKeys.Padding),
        })
        {
            if (Named(key) is { } token)
                configuration[name] = token;
        }

        if (_metadata.Flag(GgufKeys.AddsBegin) is { } addsBegin)
            configuration["add_bos_token"] = addsBegin;
        if (_metadata.Flag(GgufKeys.AddsEnd) is { } addsEnd)
            configuration["add_eos_token"] = addsEnd;
        if (_metadata.Text(GgufKeys.ChatTemplate) is { } template)
            configuration["chat_template"] = LeadingSpace.Without(template, _metadata);
        return configuration;
    }

    private string? Named(string key) => _metadata.Integer(key) switch
    {
        null => null,
        { } id when id >= 0 && id < _tokens.Length => _tokens[id],
        { } id => throw Fault($"'{key}' is {id}", $"an id below {_tokens.Length} was expected"),
    };

    private static JsonObject Sequence(string name, params JsonNode[] items) =>
        new() { ["type"] = "Sequence", [name] = new JsonArray(items) };

    private static JsonObject Metaspace(string scheme) =>
        new() { ["type"] = "Metaspace", ["replacement"] = "▁", ["prepend_scheme"] = scheme, ["split"] = false };

    private static JsonObject Literal(string text) => new() { ["String"] = text };

    private CheckpointException Fault(string actual, string expected) => new(
        $"{actual}; {expected}. Where: '{_path}'. " +
        "Convert or download the model again, or give the original model folder.");
}
