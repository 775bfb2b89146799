using Lorikeet.Formats.Json;
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
            decoder["content"].AsChar(), Count(decoder["start"]), Count(decoder["stop"])),
        "ByteLevel" => new ByteLevelDecoder(),
        "Metaspace" => new MetaspaceDecoder(
            decoder["replacement"].AsChar(), PreTokenizerReader.ReadScheme(decoder) != PrependScheme.Never),
        "WordPiece" => new WordPieceDecoder(decoder["prefix"].AsString("##"), decoder["cleanup"].AsBool(true)),
        "BPEDecoder" => new WordEndDecoder(
            decoder["suffix"].AsString("</w>") is { Length: > 0 } suffix
                ? suffix
                : throw decoder["suffix"].Unexpected("a mark of at least one character")),
        _ => throw Components.Unknown(decoder, "decoder"),
    };

    private static int Count(JsonSetting setting) => setting.AsIntBetweenOrNull(0, int.MaxValue) ?? 0;
}
