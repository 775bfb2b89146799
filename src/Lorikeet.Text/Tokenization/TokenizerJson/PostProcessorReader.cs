using Lorikeet.Formats.Json;
using Lorikeet.Text.Tokenization.Models;
using Lorikeet.Text.Tokenization.PostProcessors;

namespace Lorikeet.Text.Tokenization.TokenizerJson;

/// <summary>Reads the <c>post_processor</c> of a <c>tokenizer.json</c>.</summary>
internal static class PostProcessorReader
{
    public static IPostProcessor? Read(JsonSetting processor, Vocabulary vocabulary) =>
        processor["type"].AsStringOrNull() switch
        {
            null => null,
            "Sequence" => new SequencePostProcessor(
                Components.ReadAll(processor["processors"], item => Read(item, vocabulary))),
            "TemplateProcessing" => ReadTemplate(processor),
            // Ranges are trimmed only where the file asks for it; otherwise there is nothing to do.
            "ByteLevel" when !processor["trim_offsets"].AsBool(true) => new TemplatePostProcessor([], []),
            "ByteLevel" => new ByteLevelPostProcessor(processor["add_prefix_space"].AsBool(true), vocabulary.TokenAt),
            "BertProcessing" => ReadPair(processor),
            "RobertaProcessing" when !processor["trim_offsets"].AsBool(true) => ReadPair(processor),
            "RobertaProcessing" => new SequencePostProcessor(
            [
                new ByteLevelPostProcessor(processor["add_prefix_space"].AsBool(true), vocabulary.TokenAt),
                ReadPair(processor),
            ]),
            _ => throw Components.Unknown(processor, "post-processor"),
        };

    private static TemplatePostProcessor ReadTemplate(JsonSetting processor)
    {
        var before = new List<int>();
        var after = new List<int>();
        var sequences = 0;
        foreach (var part in processor["single"].Items())
        {
            if (part["Sequence"].IsObject)
                sequences++;
            else
                (sequences == 0 ? before : after).AddRange(ReadSpecialToken(processor, part));
        }
        return sequences == 1
            ? new TemplatePostProcessor([.. before], [.. after])
            : throw processor["single"].Unexpected("the sequence exactly once");
    }

    private static IEnumerable<int> ReadSpecialToken(JsonSetting processor, JsonSetting part)
    {
        var name = part["SpecialToken"]["id"].AsString();
        return processor["special_tokens"][name]["ids"].Items().Select(id => id.AsTokenId());
    }

    // [text, id] of the prefix and suffix of the sequence.
    private static TemplatePostProcessor ReadPair(JsonSetting processor) =>
        new([ReadId(processor["cls"])], [ReadId(processor["sep"])]);

    private static int ReadId(JsonSetting pair) =>
        pair.Items().ToList() is [.., var id] ? id.AsTokenId() : throw pair.Unexpected("a token and its id");
}
