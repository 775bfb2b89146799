using Lorikeet.Data.Reading;
using Parquet.Serialization;

namespace Lorikeet.Tests.Data.Reading;

public sealed class DatasetReaderTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData("a.jsonl", "{\"text\":\"one\"}\n\n{\"text\":\"two\"}\n")]
    [InlineData("a.jsonl.gz", "{\"text\":\"one\"}\n{\"text\":\"two\"}")]
    [InlineData("a.json", "[{\"text\":\"one\"},\n {\"text\":\"two\"}]")]
    [InlineData("a.json", "{\"text\":\"one\"}\n{\"text\":\"two\"}")]
    [InlineData("a.json", "{\n \"text\":\"one\"\n}\n{\n \"text\":\"two\"\n}")]
    [InlineData("a.jsonl", "[{\"text\":\"one\"},{\"text\":\"two\"}]")]
    [InlineData("a.json", "{\"version\": 2, \"data\": [{\"text\":\"one\"},{\"text\":\"two\"}]}")]
    [InlineData("a.json", "{\"things\": [{\"text\":\"one\"},{\"text\":\"two\"}]}")]
    [InlineData("a.json", "{\"test\": [{\"text\":\"no\"}], \"train\": [{\"text\":\"one\"},{\"text\":\"two\"}]}")]
    [InlineData("a.csv", "text\r\none\r\ntwo\r\n")]
    [InlineData("a.tsv", "text\none\ntwo")]
    [InlineData("a.txt", "one\n\ntwo\n")]
    public void EveryForm_ReadsTheSameRows(string name, string content) =>
        Assert.Equal(["{\"text\":\"one\"}", "{\"text\":\"two\"}"], DataFixture.Rows(_data.Write(name, content)));

    // The expected rows are what Python's csv reads with the same names, delimiter and escapechar (doublequote off).
    [Theory]
    [InlineData("one,1\ntwo,2\n", null, null, "one", "two")]
    [InlineData("one~1\ntwo~2\n", '~', null, "one", "two")]
    [InlineData("\"say \\\"hi\\\", ok\",1\n\"a\\\\\",2\n", null, '\\', "say \"hi\", ok", "a\\")]
    [InlineData("\"\\\"x\\\"\",1\n\"line\nbreak\",2\n", ',', '\\', "\"x\"", "line\nbreak")]
    public void CsvWithoutHeader_IsReadAsTheDialectSays(
        string content, char? separator, char? escape, string first, string second)
    {
        var dialect = new CsvDialect { Columns = ["text", "number"], Separator = separator, Escape = escape };
        var rows = DatasetReader.Read(_data.Write("a.csv", content), ["train"], csv: dialect).ToList();
        Assert.Equal([first, second], rows.Select(row => row.Values["text"]!.GetValue<string>()));
        Assert.Equal(["1", "2"], rows.Select(row => row.Values["number"]!.GetValue<string>()));
    }

    [Theory]
    [InlineData("{\"messages\": [{\"role\":\"user\",\"content\":\"a\"}]}")]
    [InlineData("{\"question\":\"a\", \"answers\": [{\"text\":\"b\"}]}")]
    public void ObjectThatIsARow_IsNotTakenForATable(string content) =>
        Assert.Single(DataFixture.Rows(_data.Write("a.json", content)));

    [Fact]
    public void Squad_HasARowForEachQuestion()
    {
        var path = _data.Write("squad.json", """
            {"data": [{"title": "T", "paragraphs": [{"context": "C", "qas": [
              {"id": "q1", "question": "Q1", "answers": [{"text": "A", "answer_start": 0}]},
              {"id": "q2", "question": "Q2", "answers": [], "is_impossible": true}]}]}]}
            """);
        var rows = DatasetReader.Read(path, ["train"]).ToArray();

        Assert.Equal(["Q1", "Q2"], rows.Select(row => (string?)row.Values["question"]));
        Assert.All(rows, row => Assert.Equal("C", (string?)row.Values["context"]));
        Assert.EndsWith("(question 'q2')", rows[1].Origin.ToString());
    }

    [Fact]
    public void Origin_IsTheLineARowBeginsAt()
    {
        var lines = DatasetReader.Read(_data.Write("a.jsonl", "{\"a\":1}\n\n{\"a\":2}"), ["train"]);
        var array = DatasetReader.Read(_data.Write("a.json", "[\n{\"a\":\n1},\n\n{\"a\":2}]"), ["train"]);
        var cells = DatasetReader.Read(_data.Write("a.csv", "a,b\n\"x\ny\",1\nz,2\n"), ["train"]);

        Assert.Equal([1, 3], lines.Select(row => row.Origin.Number));
        Assert.Equal([2, 5], array.Select(row => row.Origin.Number));
        Assert.Equal([2, 4], cells.Select(row => row.Origin.Number));
    }

    [Theory]
    [InlineData("a,b\nx,\"y, \"\"z\"\"\nw\"\n", "{\"a\":\"x\",\"b\":\"y, \\\"z\\\"\\nw\"}")]
    [InlineData("a;b\nx;1,5\ny;2,5\n", "{\"a\":\"x\",\"b\":\"1,5\"}")]
    [InlineData("a\tb\nx, y\tz\n", "{\"a\":\"x, y\",\"b\":\"z\"}")]
    [InlineData("a|b\nx|y\n", "{\"a\":\"x\",\"b\":\"y\"}")]
    [InlineData("\uFEFFa,b\nx,5\" wide\n", "{\"a\":\"x\",\"b\":\"5\\\" wide\"}")]
    public void Csv_FindsItsDialect(string content, string first)
    {
        var rows = DataFixture.Rows(_data.Write("a.csv", content));
        Assert.Equal(
            System.Text.RegularExpressions.Regex.Unescape(first),
            System.Text.RegularExpressions.Regex.Unescape(rows[0].Replace("\\u0022", "\\\"")));
    }

    [Fact]
    public void Utf16_IsReadByItsMark()
    {
        var path = Path.Combine(_data.Folder, "a.csv");
        File.WriteAllText(path, "câu hỏi,trả lời\nThủ đô?,Hà Nội\n", System.Text.Encoding.Unicode);
        var row = Assert.Single(DatasetReader.Read(path, ["train"]));
        Assert.Equal("Hà Nội", (string?)row.Values["trả lời"]);
    }

    public sealed class Message
    {
        public string? Role { get; set; }

        public string? Content { get; set; }
    }

    public sealed class Chat
    {
        public int Id { get; set; }

        public double? Score { get; set; }

        public List<Message>? Messages { get; set; }

        public List<string>? Tags { get; set; }
    }

    [Fact]
    public async Task Parquet_KeepsNestedColumnsAndNulls()
    {
        Chat[] chats =
        [
            new()
            {
                Id = 1,
                Score = 0.5,
                Messages = [new() { Role = "user", Content = "hi" }, new() { Role = "x" }],
                Tags = ["a", "b"],
            },
            new() { Id = 2, Messages = [], Tags = [] },
        ];
        var path = Path.Combine(_data.Folder, "a.parquet");
        await ParquetSerializer.SerializeAsync(chats, path, cancellationToken: TestContext.Current.CancellationToken);

        var rows = DatasetReader.Read(path, ["train"]).ToArray();
        Assert.Equal(
            """{"Id":1,"Score":0.5,"Messages":[{"Role":"user","Content":"hi"},{"Role":"x"}],"Tags":["a","b"]}""",
            rows[0].Values.ToJsonString());
        Assert.Equal("""{"Id":2,"Score":null,"Messages":[],"Tags":[]}""", rows[1].Values.ToJsonString());
        Assert.EndsWith("a.parquet, row 2", rows[1].Origin.ToString());
    }

    [Theory]
    [InlineData("a.jsonl", "{\"a\":1}\n{\"a\":\n", "a.jsonl:2: the text ends in the middle")]
    [InlineData("a.jsonl", "{\"a\":1}\n[1]\n", "a.jsonl:2 holds an array")]
    [InlineData("a.jsonl", "{\"a\":1,\"a\":2}\n", "a.jsonl:1: the key 'a' is there twice")]
    [InlineData("a.json", "[{\"a\":1},\n{\"a\":}]", "a.json:2: ")]
    [InlineData("a.json", "[{\"a\":1},\n\"b\"]", "a.json:2 holds '\"b\"'")]
    [InlineData("a.csv", "a,b\n1,2\n1,2,3\n", "a.csv:3 has 3 cells")]
    [InlineData("a.csv", "a,a\n1,2\n", "a.csv:1 names the column 'a' 2 times")]
    [InlineData("a.parquet", "PAR1 no", "a.parquet cannot be read as parquet")]
    [InlineData("a.xlsx", "x", "ends in '.xlsx'")]
    public void DamagedFile_IsNamedWithItsLine(string name, string content, string message)
    {
        var path = _data.Write(name, content);
        var fault = Assert.Throws<DatasetException>(() => DatasetReader.Read(path, ["train"]).ToArray());
        Assert.Contains(message, fault.Message);
    }

    public sealed class Answers
    {
        public List<string>? text { get; set; }

        public List<int>? answer_start { get; set; }
    }

    public sealed class SquadQuestion
    {
        public string? question { get; set; }

        public string? context { get; set; }

        public Answers? answers { get; set; }
    }

    [Fact]
    public async Task ParquetOfSquad_KeepsQuestionsWithoutAnAnswer()
    {
        SquadQuestion[] questions =
        [
            new() { question = "Q", context = "C", answers = new() { text = ["A"], answer_start = [3] } },
            new() { question = "Q2", context = "C", answers = new() { text = [], answer_start = [] } },
        ];
        var path = Path.Combine(_data.Folder, "a.parquet");
        await ParquetSerializer.SerializeAsync(
            questions, path, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(
            ["A", "unanswerable"], DataFixture.Load(path).Questions.Select(question => question.Answers.Single()));
    }

    [Fact]
    public void BytesThatAreNotUtf8_AreRefused()
    {
        var path = Path.Combine(_data.Folder, "a.jsonl");
        File.WriteAllBytes(path, [.. "{\"a\":\""u8, 0xE9, .. "\"}"u8]);
        var fault = Assert.Throws<DatasetException>(() => DatasetReader.Read(path, ["train"]).ToArray());
        Assert.Contains("not UTF-8", fault.Message);
    }

    [Fact]
    public void MissingFile_SaysWhereItWasLookedFor()
    {
        var fault = Assert.Throws<DatasetException>(() => DatasetReader.Read("no/such.jsonl", ["train"]).ToArray());
        Assert.Contains("'no/such.jsonl' does not exist", fault.Message);
        Assert.Contains(Environment.CurrentDirectory, fault.Message);
    }
}
