using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Conversion;
using Lorikeet.Data.Reading;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Data;

public sealed class ConversionTests : IDisposable
{
    private const string Alpaca = """
        {"instruction":"Add.","input":"1 2","output":"3","id":7}
        {"instruction":"Chào \"bạn\", you;|x","input":"","output":"Hi\nthere, friend","id":8}
        """;

    private const string Chats = """
        {"messages":[{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yo"},{"role":"user","content":"?"},{"role":"assistant","content":"!"}],"source":"a"}
        {"messages":[{"role":"user","content":"Hello"},{"role":"assistant","content":"World"}],"source":"b"}
        """;

    private const string Squad = """
        {"question":"Where?","context":"In Huế it rains.","answers":{"text":["Huế","in Huế"],"answer_start":[3,0]}}
        """;

    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    [Theory]
    [InlineData(".json")]
    [InlineData(".jsonl")]
    [InlineData(".csv")]
    [InlineData(".tsv")]
    [InlineData(".parquet")]
    public void Format_IsAnotherWithTheSameRows(string format)
    {
        var source = _data.Write("a.jsonl", Alpaca);
        var written = Convert(source, "b" + format);

        Assert.Equal(2, written.Rows);
        Convert(Path.Combine(_data.Folder, "b" + format), "c.jsonl");
        var isTable = format is ".csv" or ".tsv";
        Assert.Equal(
            DataFixture.Rows(source).Select(row => isTable ? row.Replace("7}", "\"7\"}").Replace("8}", "\"8\"}") : row)
                .Select(row => isTable ? row.Replace("\"input\":\"\"", "\"input\":null") : row),
            DataFixture.Rows(Path.Combine(_data.Folder, "c.jsonl")).Select(
                row => isTable ? row.Replace("\"input\":\"\"", "\"input\":null") : row));
        Assert.Equal(Shown(source), Shown(Path.Combine(_data.Folder, "b" + format)));
    }

    [Theory]
    [InlineData(Alpaca, DatasetShape.Messages)]
    [InlineData(Alpaca, DatasetShape.ShareGpt)]
    [InlineData(Alpaca, DatasetShape.QuestionAnswer)]
    [InlineData(Chats, DatasetShape.ShareGpt)]
    [InlineData(Chats, DatasetShape.Instruction)]
    [InlineData(Chats, DatasetShape.QuestionAnswer)]
    public void Shape_IsAnotherThatSaysTheSame(string rows, DatasetShape shape)
    {
        var source = _data.Write("a.jsonl", rows);
        var options = new DataOptions { ChatTemplate = "guanaco" };

        var written = Convert(source, "b.jsonl", shape);

        Assert.Equal((2, shape), (written.Rows, written.To));
        Assert.Equal(Shown(source, options), Shown(Path.Combine(_data.Folder, "b.jsonl"), options));
        var others = rows == Alpaca ? "id" : "source";
        Assert.All(DataFixture.Rows(Path.Combine(_data.Folder, "b.jsonl")), row => Assert.Contains(others, row));
    }

    [Fact]
    public void ThereAndBack_IsTheSameFile()
    {
        var source = _data.Write("a.jsonl", Chats);

        Convert(source, "b.jsonl", DatasetShape.ShareGpt);
        Convert(Path.Combine(_data.Folder, "b.jsonl"), "c.jsonl", DatasetShape.Messages);

        Assert.Equal(DataFixture.Rows(source), DataFixture.Rows(Path.Combine(_data.Folder, "c.jsonl")));
    }

    [Fact]
    public void SeveralAnswers_AreKeptWhereTheyHaveAPlace_AndRefusedElsewhere()
    {
        var source = _data.Write("a.jsonl", Squad);

        Convert(source, "b.jsonl", DatasetShape.QuestionAnswer);
        Assert.Equal(
            """{"question":"Where?","context":"In Huế it rains.","answers":["Huế","in Huế"]}""",
            JsonNode.Parse(DataFixture.Rows(Path.Combine(_data.Folder, "b.jsonl"))[0])!
                .ToJsonString(
                new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));

        var fault = Assert.Throws<DatasetException>(() => Convert(source, "c.jsonl", DatasetShape.Messages));
        Assert.Contains($"messages would not hold all that it says (1, first {source}:1)", fault.Message);
        Assert.Contains("Nothing is written", fault.Message);
        Assert.False(File.Exists(Path.Combine(_data.Folder, "c.jsonl")));
    }

    [Fact]
    public void RowsThatWouldLoseSomething_MayBeLeftOut_AndAreCounted()
    {
        var source = _data.Write("a.jsonl", Chats + "\n" + """
            {"messages":[{"role":"user","content":"Rain?"},{"role":"assistant","content":"","tool_calls":[{"type":"function","function":{"name":"w","arguments":{}}}]}]}
            {"messages":[{"role":"user","content":"Nobody answers"}]}
            """);

        var written = Convert(source, "b.jsonl", DatasetShape.ShareGpt, leavesOut: true);

        Assert.Equal(2, written.Rows);
        Assert.Equal([3, 4], written.LeftOut.Select(dropped => (int)dropped.First.Number));
        Assert.Equal(2, DataFixture.Rows(Path.Combine(_data.Folder, "b.jsonl")).Length);
    }

    [Theory]
    [InlineData("b.parquet", "parquet is written with columns of one plain type")]
    [InlineData("b.txt", "A name that ends in .jsonl")]
    public void WhatAFormatCannotHold_IsRefused(string file, string said)
    {
        var fault = Assert.ThrowsAny<LorikeetException>(() => Convert(_data.Write("a.jsonl", Chats), file));

        Assert.Contains(said, fault.Message);
        Assert.False(File.Exists(Path.Combine(_data.Folder, file)));
    }

    [Fact]
    public void ColumnInTheWay_IsRefused()
    {
        var source = _data.Write("a.jsonl", """{"instruction":"A","output":"B","messages":"x"}""");

        var fault = Assert.Throws<DatasetException>(() => Convert(source, "b.jsonl", DatasetShape.Messages));

        Assert.Contains("its column 'messages', which is not read", fault.Message);
    }

    [Fact]
    public void Division_KeepsAQuestionOnOneSide_HoweverItIsSpelled()
    {
        var rows = Enumerable.Range(0, 40).SelectMany(i => new[]
        {
            $$"""{"question":"What is {{i}}?","answer":"a"}""", $$"""{"question":"what  is {{i}}","answer":"b"}""",
        });
        var options = new DataOptions { Datasets = [_data.Write("a.jsonl", string.Join('\n', rows))], HeldOut = 0.25 };
        using var source = DatasetReader.ReadTrain(options, null);

        var divided = DatasetDivision.Run(source, options, Path.Combine(_data.Folder, "split"), 1, ".csv");

        Assert.Equal((60, 20), (divided.TrainRows, divided.TestRows));
        var (train, test) = (Questions(divided.Train), Questions(divided.Test));
        Assert.Equal(80, train.Length + test.Length);
        Assert.Empty(train.Intersect(test));
        using var again = DatasetReader.ReadTrain(options, null);
        DatasetDivision.Run(again, options, Path.Combine(_data.Folder, "again"), 1, ".csv");
        Assert.Equal(
            File.ReadAllText(divided.Test), File.ReadAllText(Path.Combine(_data.Folder, "again", "test.csv")));

        static string[] Questions(string file) =>
            [.. DatasetReader.Read(file, ["train", "test"])
                .Select(row => ((string)row.Values["question"]!).ToLowerInvariant().Replace("  ", " ").Trim('?'))];
    }

    [Fact]
    public void Division_OfOneQuestion_IsRefused()
    {
        var options = new DataOptions
        {
            Datasets =
            [
                _data.Write("a.jsonl", "{\"question\":\"Q\",\"answer\":\"1\"}\n{\"question\":\"q?\",\"answer\":\"2\"}"),
            ],
            HeldOut = 1,
        };
        using var source = DatasetReader.ReadTrain(options, null);

        var fault = Assert.Throws<ConfigurationException>(
            () => DatasetDivision.Run(source, options, _data.Folder, 1, ".jsonl"));

        Assert.Contains("All rows ask the same", fault.Message);
    }

    /// <summary>Real data: what was converted is read back and says the same, and so says a run on it.</summary>
    [Theory]
    [InlineData("alpaca_en_demo.json", ".jsonl", DatasetShape.Messages)]
    [InlineData("alpaca_en_demo.json", ".parquet", DatasetShape.QuestionAnswer)]
    [InlineData("vi_alpaca_reduced_6.jsonl", ".csv", DatasetShape.Auto)]
    [InlineData("lima.json", ".jsonl", DatasetShape.ShareGpt)]
    [InlineData("gsm8k_test.jsonl", ".tsv", DatasetShape.Instruction)]
    [InlineData("openassistant-guanaco.jsonl", ".csv", DatasetShape.Auto)]
    [InlineData("xquad.vi.json", ".jsonl", DatasetShape.QuestionAnswer)]
    public void RealData_IsConvertedWithoutLoss(string name, string format, DatasetShape shape)
    {
        var source = TestAssets.Asset("datasets", name);
        var options = new DataOptions { DatasetSplit = "train[:300]", ChatTemplate = null };

        var written = Convert(source, "b" + format, shape, options: options);

        Assert.InRange(written.Rows, 100, 300);
        Assert.Empty(written.LeftOut);
        if (shape is not DatasetShape.Auto)
            options = options with { ChatTemplate = "guanaco" };
        var file = Path.Combine(_data.Folder, "b" + format);
        Assert.Equal(Shown(source, options), Shown(file, options with { DatasetSplit = "train" }));
    }

    private ConversionResult Convert(
        string source, string file, DatasetShape shape = DatasetShape.Auto, bool leavesOut = false,
        DataOptions? options = null)
    {
        options = (options ?? new DataOptions()) with { Datasets = [source] };
        using var rows = DatasetReader.ReadTrain(options, null);
        return DatasetConversion.Run(rows, options, Path.Combine(_data.Folder, file), shape, leavesOut);
    }

    private static string[] Shown(string path, DataOptions? options = null) =>
        [.. DataFixture.Load(path, options).Train.Select(DataFixture.Show)];
}
