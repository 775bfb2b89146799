using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;

namespace Lorikeet.Text.Tokenization.Gguf;

/// <summary>
/// The pre-tokenizers that llama.cpp knows by name (<c>tokenizer.ggml.pre</c>), as <c>tokenizer.json</c> spells them.
/// llama.cpp recognises a tokenizer by the hash of what it makes of a text; here it is recognised by what it does, so
/// that one with other tokens but the same rules is recognised too.
/// </summary>
internal static class PreTokenizerNames
{
    private const string Contractions = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|";
    private const string Letters = @"[^\r\n\p{L}\p{N}]?\p{L}+|";
    private const string Rest = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Upper = @"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}";
    private const string Lower = @"\p{Ll}\p{Lm}\p{Lo}\p{M}";
    private const string Tekken =
        $@"[^\r\n\p{{L}}\p{{N}}]?[{Upper}]*[{Lower}]+|[^\r\n\p{{L}}\p{{N}}]?[{Upper}]+[{Lower}]*|" +
        @"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly Rules[] s_known =
    [
        new("llama-bpe", Contractions + Letters + @"\p{N}{1,3}" + Rest, IgnoresMerges: true),
        new("qwen2", Contractions + Letters + @"\p{N}" + Rest, Normalizer: "NFC"),
        new("qwen2", Contractions + Letters + @"\p{N}" + Rest),
        new("tekken", Tekken, IgnoresMerges: true),
        new("gpt-2", null),
        new("smollm", null, SplitsDigits: true),
    ];

    /// <summary>Names that mean the rules of another.</summary>
    private static readonly Dictionary<string, string> s_synonyms = new(StringComparer.Ordinal)
    {
        ["llama3"] = "llama-bpe",
        ["llama-v3"] = "llama-bpe",
        ["falcon3"] = "llama-bpe",
        ["pixtral"] = "llama-bpe",
        ["deepseek-r1-qwen"] = "qwen2",
        ["kormo"] = "qwen2",
        ["megrez"] = "qwen2",
        ["gpt2"] = "gpt-2",
        ["refact"] = "smollm",
        ["starcoder"] = "smollm",
    };

    /// <summary>All names.</summary>
    public static IEnumerable<string> All => s_known.Select(rules => rules.Name).Distinct();

    /// <summary>The name of what a <c>tokenizer.json</c> does, or null when llama.cpp has none for it.</summary>
    public static string? Find(JsonSetting root) => Array.Find(s_known, rules => rules.Describes(root))?.Name;

    /// <summary>Writes the rules of a name into a <c>tokenizer.json</c>; false when the name is unknown.</summary>
    public static bool TryApply(string name, JsonObject root)
    {
        var rules = Array.Find(s_known, rules => rules.Name == s_synonyms.GetValueOrDefault(name, name));
        rules?.Apply(root);
        return rules is not null;
    }

    /// <param name="Name">The name in llama.cpp.</param>
    /// <param name="Pattern">
    /// The expression that text is split by; null for that of GPT-2, which needs no saying.
    /// </param>
    /// <param name="IgnoresMerges">Whether a word that is a token is taken whole.</param>
    /// <param name="Normalizer">Type of the normalizer, if any.</param>
    /// <param name="SplitsDigits">Whether digits are split off one by one.</param>
    private sealed record Rules(
        string Name, string? Pattern, bool IgnoresMerges = false, string? Normalizer = null, bool SplitsDigits = false)
    {
        public bool Describes(JsonSetting root)
        {
            if (root["model"]["ignore_merges"].AsBool(false) != IgnoresMerges
                || root["normalizer"]["type"].AsStringOrNull() != Normalizer)
                return false;
            var stages = root["pre_tokenizer"];
            var given = stages["type"].AsStringOrNull() == "Sequence"
                ? stages["pretokenizers"].Items().ToList()
                : [stages];
            return given is [.. var before, var last]
                && last["type"].AsStringOrNull() == "ByteLevel"
                && !last["add_prefix_space"].AsBool(true)
                && last["use_regex"].AsBool(true) == (Pattern is null)
                && (before, Pattern) switch
                {
                    ([var split], not null) => IsSplit(split, Pattern),
                    ([var digits], null) => SplitsDigits && digits["type"].AsStringOrNull() == "Digits"
                        && digits["individual_digits"].AsBool(false),
                    ([], null) => !SplitsDigits,
                    _ => false,
                };
        }

        public void Apply(JsonObject root)
        {
            root["normalizer"] = Normalizer is null ? null : new JsonObject { ["type"] = Normalizer };
            root["model"]!["ignore_merges"] = IgnoresMerges;
            var stages = new JsonArray();
            if (Pattern is not null)
                stages.Add(Split(Pattern));
            if (SplitsDigits)
                stages.Add(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true });
            stages.Add(ByteLevel(usesPattern: Pattern is null));
            root["pre_tokenizer"] = new JsonObject { ["type"] = "Sequence", ["pretokenizers"] = stages };
            root["decoder"] = ByteLevel(usesPattern: true);
        }

        private static bool IsSplit(JsonSetting stage, string pattern) =>
            stage["type"].AsStringOrNull() == "Split" && stage["behavior"].AsStringOrNull() == "Isolated"
            && !stage["invert"].AsBool(false) && stage["pattern"]["Regex"].AsStringOrNull() == pattern;

        private static JsonObject Split(string pattern) => new()
        {
            ["type"] = "Split",
            ["pattern"] = new JsonObject { ["Regex"] = pattern },
            ["behavior"] = "Isolated",
            ["invert"] = false,
        };

        private static JsonObject ByteLevel(bool usesPattern) => new()
        {
            ["type"] = "ByteLevel",
            ["add_prefix_space"] = false,
            ["trim_offsets"] = true,
            ["use_regex"] = usesPattern,
        };
    }
}
