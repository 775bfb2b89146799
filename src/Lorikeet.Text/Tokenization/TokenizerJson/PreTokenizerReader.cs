using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>Reads the <c>pre_tokenizer</c> of a <c>tokenizer.json</c>.</summary>
internal static class PreTokenizerReader
{
    public static IPreTokenizer? Read(JsonSetting preTokenizer) => preTokenizer["type"].AsStringOrNull() switch
    {
        null => null,
        "Sequence" => new SequencePreTokenizer(Components.ReadAll(preTokenizer["pretokenizers"], Read)),
        "Metaspace" => new MetaspacePreTokenizer(
            preTokenizer["replacement"].AsChar(), ReadScheme(preTokenizer), preTokenizer["split"].AsBool(true)),
        "Split" => new SplitPreTokenizer(
            PatternReader.Read(preTokenizer["pattern"]),
            ReadBehavior(preTokenizer["behavior"]),
            preTokenizer["invert"].AsBool(false)),
        "ByteLevel" => new ByteLevelPreTokenizer(
            preTokenizer["add_prefix_space"].AsBool(true), preTokenizer["use_regex"].AsBool(true)),
        _ => throw Components.Unknown(preTokenizer, "pre-tokenizer"),
    };

    // Files from before prepend_scheme say add_prefix_space instead.
    public static PrependScheme ReadScheme(JsonSetting metaspace) => metaspace["prepend_scheme"].AsStringOrNull() switch
    {
        "always" => PrependScheme.Always,
        "first" => PrependScheme.First,
        "never" => PrependScheme.Never,
        null => metaspace["add_prefix_space"].AsBool(true) ? PrependScheme.Always : PrependScheme.Never,
        _ => throw metaspace["prepend_scheme"].Unexpected("'always', 'first' or 'never'"),
    };

    private static SplitBehavior ReadBehavior(JsonSetting behavior) => behavior.AsString() switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        _ => throw behavior.Unexpected("the name of a split behaviour"),
    };
}
