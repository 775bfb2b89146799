using System.Text.Json.Nodes;
using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>The bare BPE model of a case of <c>stages</c>, without the stages and the cache around it.</summary>
internal static class BpeFixture
{
    public static BpeModel Model(string name)
    {
        var model = JsonNode.Parse(Fixture.Read("stages", name + ".json.gz"))!["tokenizer"]!["model"]!;
        var ids = model["vocab"]!.AsObject().ToDictionary(token => token.Key, token => (int)token.Value!);
        var merges = model["merges"]!.AsArray()
            .Select((pair, rank) => new BpeMerge((string)pair![0]!, (string)pair[1]!, rank))
            .ToList();
        var options = new BpeOptions
        {
            UnknownToken = (string?)model["unk_token"],
            FusesUnknown = (bool)model["fuse_unk"]!,
            FallsBackToBytes = (bool)model["byte_fallback"]!,
        };
        return new BpeModel(new Vocabulary(ids), merges, options);
    }
}
