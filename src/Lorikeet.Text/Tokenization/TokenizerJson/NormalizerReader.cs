using System.Globalization;
using System.Text;
using Lorikeet.Formats.Json;
using Lorikeet.Text.Tokenization.Normalizers;
using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>Reads the <c>normalizer</c> of a <c>tokenizer.json</c>.</summary>
internal static class NormalizerReader
{
    public static INormalizer? Read(JsonSetting normalizer) => normalizer["type"].AsStringOrNull() switch
    {
        null => null,
        "Sequence" => new SequenceNormalizer(Components.ReadAll(normalizer["normalizers"], Read)),
        "Prepend" => new PrependNormalizer(normalizer["prepend"].AsString()),
        "Replace" => CreateReplace(PatternReader.Read(normalizer["pattern"]), normalizer["content"].AsString()),
        "NFC" => new UnicodeNormalizer(composes: true, isCompatible: false),
        "NFD" => new UnicodeNormalizer(composes: false, isCompatible: false),
        "NFKC" => new UnicodeNormalizer(composes: true, isCompatible: true),
        "NFKD" => new UnicodeNormalizer(composes: false, isCompatible: true),
        "Lowercase" => new LowercaseNormalizer(),
        "Strip" => new StripNormalizer(normalizer["strip_left"].AsBool(true), normalizer["strip_right"].AsBool(true)),
        "StripAccents" => new CharacterNormalizer(rune => IsMark(rune) ? null : rune),
        "BertNormalizer" => ReadBert(normalizer),
        "Nmt" => NmtNormalizer.Create(),
        "ByteLevel" => new ByteLevelNormalizer(),
        "Precompiled" => ReadPrecompiled(normalizer["precompiled_charsmap"]),
        _ => throw Components.Unknown(normalizer, "normalizer"),
    };

    // A character for a character, the case of every Llama-2, needs no new alignment.
    private static INormalizer CreateReplace(ITextPattern pattern, string content) =>
        pattern is LiteralPattern { Literal.Length: 1 } literal && content.Length == 1
            ? new CharacterReplaceNormalizer(literal.Literal[0], content[0])
            : new ReplaceNormalizer(pattern, content);

    private static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark
        or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    // Where the file does not say, accents go together with capitals.
    private static INormalizer ReadBert(JsonSetting normalizer)
    {
        var lowercases = normalizer["lowercase"].AsBool(true);
        return BertNormalizer.Create(
            normalizer["clean_text"].AsBool(true),
            normalizer["handle_chinese_chars"].AsBool(true),
            normalizer["strip_accents"].AsBool(lowercases),
            lowercases);
    }

    private static PrecompiledNormalizer ReadPrecompiled(JsonSetting map)
    {
        try
        {
            return new PrecompiledNormalizer(new CharacterMap(Convert.FromBase64String(map.AsString())));
        }
        catch (Exception error) when (error is FormatException or InvalidDataException)
        {
            throw map.Unexpected("SentencePiece's compiled normalization rules in Base64");
        }
    }
}
