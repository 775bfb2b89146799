using System.Text.Json;
using CsCheck;
using Lorikeet.Data.Reading;

namespace Lorikeet.Tests.Data.Reading;

public sealed class JsonElementsTests
{
    [Fact]
    public void ElementsOfAnyLength_AreReadInOrderWithTheirLines()
    {
        // Longer than the buffer and many times shorter, so that values lie across its ends.
        var sizes = Enumerable.Range(0, 400).Select(i => i % 97 == 0 ? 300_000 : i * 7 % 900).ToArray();
        var rows = sizes.Select((size, i) => $$"""{"i":{{i}},"text":"{{new string((char)('a' + i % 26), size)}}🐦"}""")
            .ToArray();
        var elements = new JsonElements(new StringReader($"[\n{string.Join(",\n", rows)}\n]"), "a.json");
        for (var i = 0; i < rows.Length; i++)
        {
            Assert.True(elements.TryRead(out var value));
            Assert.Equal(i, (int)value!["i"]!);
            Assert.Equal(sizes[i] + 2, ((string)value["text"]!).Length);
            Assert.Equal(i + 2, elements.Line);
        }

        Assert.False(elements.TryRead(out _));
    }

    [Fact]
    public void AnyJson_IsReadAsTheParserReadsIt() =>
        Gen.Select(Gen.Int[0, 3], Gen.String.Array[0, 5], Gen.Double.Array[0, 3]).Array[0, 20].Sample(values =>
        {
            var json = JsonSerializer.Serialize(
                values.Select(value => new { a = value.Item1, b = value.Item2, c = value.Item3 }));
            var elements = new JsonElements(new StringReader(json), "a.json");
            var read = new List<string>();
            while (elements.TryRead(out var value))
                read.Add(value!.ToJsonString());
            Assert.Equal(
                JsonDocument.Parse(json).RootElement.EnumerateArray().Select(item => JsonSerializer.Serialize(item)),
                read);
        });

    [Fact]
    public void Fault_IsOnItsLine()
    {
        var elements = new JsonElements(new StringReader("[\n{\"a\": 1},\n{\"a\": 2},\n{\"a\": oops}\n]"), "a.json");
        Assert.True(elements.TryRead(out _));
        Assert.True(elements.TryRead(out _));
        Assert.Contains("a.json:4: ", Assert.Throws<DatasetException>(() => elements.TryRead(out _)).Message);
    }
}
