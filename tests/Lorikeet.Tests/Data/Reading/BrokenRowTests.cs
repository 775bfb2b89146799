using System.Text.Json.Nodes;
using Lorikeet.Data.Reading;
using Lorikeet.Models.Generation;

namespace Lorikeet.Tests.Data.Reading;

/// <summary>One row among many that is not as the others are, wherever rows are read.</summary>
public sealed class BrokenRowTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData("{\"messages\": 5}")]
    [InlineData("{\"messages\": [5]}")]
    [InlineData("{\"messages\": [null]}")]
    [InlineData("{\"messages\": [{\"role\": 1, \"content\": \"x\"}]}")]
    [InlineData(
        "{\"messages\": [{\"role\": \"user\", \"content\": {\"a\": [1]}}, {\"role\": \"assistant\", \"content\": " +
        "\"a\"}]}")]
    [InlineData("{\"messages\": \"[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"\\\\ud83d\\\"}]\"}")]
    [InlineData("{\"messages\": \"[1\"}")]
    public void RowAmongForty_IsNamedWhereTrainingRefusesIt(string row)
    {
        var good = "{\"messages\": [{\"role\": \"user\", \"content\": \"q\"}, {\"role\": \"assistant\", " +
        "\"content\": \"a\"}]}\n";
        var path = _data.Write("a.jsonl", string.Concat(Enumerable.Repeat(good, 40)) + row + "\n");
        var fault = Record.Exception(() => DataFixture.Load(path).Dispose());
        Assert.True(fault is DatasetException && fault.Message.Contains("a.jsonl:41"), $"{fault}");
    }

    [Theory]
    [InlineData("[5]")]
    [InlineData("[null]")]
    [InlineData("[{\"content\": \"x\"}]")]
    [InlineData("[{\"role\": 1, \"content\": \"x\"}]")]
    public void TurnsThatAreNone_AreNamedWhereTheyAreAsked(string messages)
    {
        var row = new DataRow(new JsonObject { ["messages"] = JsonNode.Parse(messages) }, new RowOrigin("a.jsonl", 7));
        var reader = new PromptReader(DataFixture.Tokenizer, null, null);
        Assert.Contains("a.jsonl:7", Assert.Throws<DatasetException>(() => reader.Read(row)).Message);
    }
}
