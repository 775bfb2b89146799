using System.Text;
using Lorikeet.Formats.Json;
using Lorikeet.Text.Tokenization.Patterns;
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
            ReadBehavior(preTokenizer["behavior"], otherwise: null),
            preTokenizer["invert"].AsBool(false)),
        "ByteLevel" => new ByteLevelPreTokenizer(
            preTokenizer["add_prefix_space"].AsBool(true), preTokenizer["use_regex"].AsBool(true)),
        "Whitespace" => new SequencePreTokenizer(
        [
            SplitAt(Rune.IsWhiteSpace, SplitBehavior.Removed),
            SplitAt(WordCharacters.Contains, SplitBehavior.Contiguous),
        ]),
        "WhitespaceSplit" => SplitAt(Rune.IsWhiteSpace, SplitBehavior.Removed),
        "CharDelimiterSplit" => SplitAt(IsDelimiter(preTokenizer["delimiter"].AsChar()), SplitBehavior.Removed),
        "Punctuation" => SplitAt(IsPunctuation, ReadBehavior(preTokenizer["behavior"], SplitBehavior.Isolated)),
        "Digits" => SplitAt(
            Rune.IsNumber,
            preTokenizer["individual_digits"].AsBool(false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "BertPreTokenizer" => new SequencePreTokenizer(
            [SplitAt(Rune.IsWhiteSpace, SplitBehavior.Removed), SplitAt(IsPunctuation, SplitBehavior.Isolated)]),
        "FixedLength" => new FixedLengthPreTokenizer(preTokenizer["length"].AsIntBetweenOrNull(1, int.MaxValue) ?? 5),
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

    private static SplitPreTokenizer SplitAt(Func<Rune, bool> isMatch, SplitBehavior behavior) =>
        new(new RunePattern(isMatch), behavior);

    private static Func<Rune, bool> IsDelimiter(char delimiter) => rune => rune.Value == delimiter;

    // Everything ASCII that is no letter, digit, space or control counts, symbols too.
    private static bool IsPunctuation(Rune rune) =>
        Rune.IsPunctuation(rune) || (rune.IsAscii && Rune.IsSymbol(rune));

    private static SplitBehavior ReadBehavior(JsonSetting behavior, SplitBehavior? otherwise) =>
        behavior.AsStringOrNull() switch
        {
            null when otherwise is { } value => value,
            "Removed" => SplitBehavior.Removed,
            "Isolated" => SplitBehavior.Isolated,
            "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
            "MergedWithNext" => SplitBehavior.MergedWithNext,
            "Contiguous" => SplitBehavior.Contiguous,
            _ => throw behavior.Unexpected("the name of a split behaviour"),
        };
}
