using Lorikeet.Text.Tokenization.Configuration;
using Lorikeet.Text.Tokenization.Decoders;
using Lorikeet.Text.Tokenization.PreTokenizers;

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
        "Metaspace" => new MetaspaceDecoder(
            decoder["replacement"].AsChar(), PreTokenizerReader.ReadScheme(decoder) != PrependScheme.Never),
        "WordPiece" => new WordPieceDecoder(decoder["prefix"].AsString("##"), decoder["cleanup"].AsBool(true)),
        "BPEDecoder" => new WordEndDecoder(decoder["suffix"].AsString("</w>")),
        _ => throw Components.Unknown(decoder, "decoder"),
    };
}
