using Lorikeet.Formats.Json;
using Lorikeet.Text.Tokenization.AddedTokens;

namespace Lorikeet.Text.Tokenization.Configuration;

/// <summary>
/// What the files beside the vocabulary say: <c>tokenizer_config.json</c>, <c>special_tokens_map.json</c>,
/// <c>added_tokens.json</c> and the chat template.
/// </summary>
internal sealed record TokenizerConfiguration
{
    private static readonly string[] s_tokenNames =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <summary>The folder of the files.</summary>
    public required string Folder { get; init; }

    /// <summary>
    /// Whether <c>tokenizer_config.json</c> or a model's <c>config.json</c> is there, so that transformers would load
    /// the folder; otherwise a vocabulary stands alone.
    /// </summary>
    public bool BelongsToModel { get; init; }

    /// <summary>The Python class the tokenizer was saved from, such as <c>LlamaTokenizer</c>.</summary>
    public string? TokenizerClass { get; init; }

    /// <summary>Texts of tokens by their roles: <c>bos_token</c>, <c>eos_token</c> ...</summary>
    public IReadOnlyDictionary<string, string> NamedTokens { get; init; } = new Dictionary<string, string>();

    public string? BeginToken => NamedTokens.GetValueOrDefault("bos_token");

    public string? EndToken => NamedTokens.GetValueOrDefault("eos_token");

    public string? PadToken => NamedTokens.GetValueOrDefault("pad_token");

    public string? UnknownToken => NamedTokens.GetValueOrDefault("unk_token");

    /// <summary>The default chat template, as Jinja source.</summary>
    public string? ChatTemplate { get; init; }

    public bool? AddsBeginToken { get; init; }

    public bool? AddsEndToken { get; init; }

    public bool? AddsPrefixSpace { get; init; }

    /// <summary>
    /// Whether text after a special token gets a space in front again, as before transformers 4.31; not said in files
    /// that are older than the setting.
    /// </summary>
    public bool? IsLegacy { get; init; }

    /// <summary>Tokens added after the vocabulary was made.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>Texts of tokens that must be special even where no list of added tokens has them.</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = [];

    /// <summary>The same with texts for roles that the files leave open.</summary>
    public TokenizerConfiguration WithDefaults(params IEnumerable<(string Role, string? Text)> defaults)
    {
        var named = new Dictionary<string, string>(NamedTokens);
        foreach (var (role, text) in defaults)
        {
            if (text is not null)
                named.TryAdd(role, text);
        }
        return this with { NamedTokens = named };
    }

    /// <summary>Reads the files of a folder; each may be absent.</summary>
    /// <exception cref="CheckpointException">A file is damaged.</exception>
    public static TokenizerConfiguration Read(string folder)
    {
        var configuration = ReadIfPresent(folder, "tokenizer_config.json");
        var map = ReadIfPresent(folder, "special_tokens_map.json");
        return Of(folder, configuration, map, ReadIfPresent(folder, "added_tokens.json")) with
        {
            BelongsToModel = configuration.IsObject || File.Exists(Path.Combine(folder, "config.json")),
            ChatTemplate = ChatTemplateFile.Find(folder, configuration["chat_template"]),
        };
    }

    /// <summary>What the content of the files says; each may be missing.</summary>
    public static TokenizerConfiguration Of(
        string folder, JsonSetting configuration, JsonSetting map = default, JsonSetting addedTokens = default)
    {
        string? Named(string name) => TokenText(configuration[name]) ?? TokenText(map[name]);
        return new TokenizerConfiguration
        {
            Folder = folder,
            BelongsToModel = true,
            TokenizerClass = configuration["tokenizer_class"].AsStringOrNull(),
            NamedTokens = s_tokenNames.Where(name => Named(name) is not null)
                .ToDictionary(name => name, name => Named(name)!),
            ChatTemplate = ChatTemplateFile.Default(configuration["chat_template"]),
            AddsBeginToken = configuration["add_bos_token"].AsBoolOrNull(),
            AddsEndToken = configuration["add_eos_token"].AsBoolOrNull(),
            AddsPrefixSpace = configuration["add_prefix_space"].AsBoolOrNull(),
            IsLegacy = configuration["legacy"].AsBoolOrNull(),
            AddedTokens = AddedTokenFile.Read(configuration["added_tokens_decoder"], addedTokens),
            SpecialTokens = [.. SpecialTexts(configuration).Concat(SpecialTexts(map)).Distinct()],
        };
    }

    private static JsonSetting ReadIfPresent(string folder, string name)
    {
        var file = Path.Combine(folder, name);
        return File.Exists(file) ? JsonSetting.Read(file) : default;
    }

    // A token is its text, or an object that says more about it.
    private static string? TokenText(JsonSetting token) =>
        token.IsObject ? token["content"].AsStringOrNull() : token.AsStringOrNull();

    private static IEnumerable<string> SpecialTexts(JsonSetting file)
    {
        foreach (var name in s_tokenNames)
        {
            if (TokenText(file[name]) is { } text)
                yield return text;
        }
        foreach (var name in (string[])["additional_special_tokens", "extra_special_tokens"])
        {
            var list = file[name];
            if (list.IsMissing)
                continue;
            foreach (var token in list.IsObject ? list.Members().Select(member => member.Value) : list.Items())
            {
                if (TokenText(token) is { } text)
                    yield return text;
            }
        }
    }
}
