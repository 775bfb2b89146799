using System.Text.Json.Nodes;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>Every kind of stage in <c>tokenizer.json</c>, against the tokenizers library.</summary>
public sealed class StageTests(ITestOutputHelper output)
{
    public static TheoryData<string> Cases => new(Fixture.Names("stages", ".json.gz"));

    [Theory]
    [MemberData(nameof(Cases))]
    public void TokenizerJson_OneStage_EqualsTokenizersLibrary(string name)
    {
        var (tokenizer, cases) = Fixture.Stage(name);
        var mismatches = new Mismatches();
        foreach (var expected in cases)
        {
            var text = (string)expected!["text"]!;
            var ids = Numbers(expected["ids"]!);
            var encoding = tokenizer.Encode(text);
            mismatches.Compare(text, "ids", ids, encoding.Ids);
            mismatches.Compare(text, "offsets", expected["offsets"]!.AsArray().SelectMany(range => Numbers(range!)),
                PythonOffsets.Of(text, encoding.Offsets));
            mismatches.Compare(text, "decoded", (string)expected["decoded"]!, tokenizer.Decode(ids));
            mismatches.Compare(text, "skip", (string)expected["skip"]!, tokenizer.Decode(ids, skipSpecialTokens: true));
        }
        mismatches.AssertNone(output);
    }

    private static int[] Numbers(JsonNode array) => [.. array.AsArray().Select(number => (int)number!)];
}
