using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Normalizers;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>Reads the <c>normalizer</c> of a <c>tokenizer.json</c>.</summary>
internal static class NormalizerReader
{
    public static INormalizer? Read(JsonSetting normalizer) => normalizer["type"].AsStringOrNull() switch
    {
        null => null,
        "Sequence" => new SequenceNormalizer(Components.ReadAll(normalizer["normalizers"], Read)),
        "Prepend" => new PrependNormalizer(normalizer["prepend"].AsString()),
        "Replace" => new ReplaceNormalizer(PatternReader.Read(normalizer["pattern"]), normalizer["content"].AsString()),
        "NFC" => new UnicodeNormalizer(composes: true, isCompatible: false),
        "NFD" => new UnicodeNormalizer(composes: false, isCompatible: false),
        "NFKC" => new UnicodeNormalizer(composes: true, isCompatible: true),
        "NFKD" => new UnicodeNormalizer(composes: false, isCompatible: true),
        _ => throw Components.Unknown(normalizer, "normalizer"),
    };
}
