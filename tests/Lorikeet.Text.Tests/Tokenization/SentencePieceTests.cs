using System.Text.Json.Nodes;

namespace Lorikeet.Text.Tests.Tokenization;

/// <summary>A <c>tokenizer.model</c> that stands alone, against SentencePiece itself.</summary>
public sealed class SentencePieceTests(ITestOutputHelper output)
{
    public static TheoryData<string> Models => new(Fixture.Names("sentencepiece", ".model.gz"));

    [Theory]
    [MemberData(nameof(Models))]
    public void TokenizerModelAlone_EachKind_EqualsSentencePiece(string name)
    {
        var tokenizer = Fixture.SentencePiece(name);
        var mismatches = new Mismatches();
        var lines = System.Text.Encoding.UTF8.GetString(Fixture.Read("sentencepiece", name + ".jsonl.gz")).Split('\n');
        foreach (var line in lines.Where(line => line.Length > 0))
        {
            var expected = JsonNode.Parse(line)!;
            var text = (string)expected["text"]!;
            int[] ids = [.. expected["ids"]!.AsArray().Select(id => (int)id!)];
            mismatches.Compare(text, "ids", ids, tokenizer.Encode(text).Ids);
            // spm_decode writes a line per sequence.
            mismatches.Compare(text, "decoded", (string)expected["decoded"]!, tokenizer.Decode(ids).Replace('\n', ' '));
        }
        mismatches.AssertNone(output);
    }
}
