using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Decoders;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>Reads the <c>decoder</c> of a <c>tokenizer.json</c>.</summary>
internal static class DecoderReader
{
    public static IDecoder? Read(JsonSetting decoder) => decoder["type"].AsStringOrNull() switch
    {
        null => null,
        "Sequence" => new SequenceDecoder(Components.ReadAll(decoder["decoders"], Read)),
        "Replace" => new ReplaceDecoder(PatternReader.Read(decoder["pattern"]), decoder["content"].AsString()),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Strip" => new StripDecoder(
            decoder["content"].AsChar(), decoder["start"].AsInt(0), decoder["stop"].AsInt(0)),
        "ByteLevel" => new ByteLevelDecoder(),
        _ => throw Components.Unknown(decoder, "decoder"),
    };
}
