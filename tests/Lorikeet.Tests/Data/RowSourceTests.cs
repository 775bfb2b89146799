using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Storage;
using DataTable = System.Data.DataTable;

namespace Lorikeet.Tests.Data;

public sealed class RowSourceTests : IDisposable
{
    private readonly DataFixture _data = new();

    public void Dispose() => _data.Dispose();

    private static IEnumerable<Example> Examples(int count) =>
        Enumerable.Range(0, count).Select(i => new Example($"What is {i}?", $"number {i}"));

    private string FileOf(int count) => _data.Write("rows.jsonl", string.Concat(
        Enumerable.Range(0, count).Select(i => $"{{\"question\":\"What is {i}?\",\"answer\":\"number {i}\"}}\n")));

    private static TrainingData Load(RowSource rows, DataOptions? options = null) => TrainingData.Load(
        options ?? new DataOptions(), rows, eval: null, seed: 42, DataFixture.Tokenizer,
        DataFixture.Tokenizer.VocabularySize);

    private static string[] Shown(IEnumerable<TrainingRow> rows) => [.. rows.Select(DataFixture.Show)];

    [Fact]
    public async Task EverySource_TrainsOnWhatAFileOfTheSameRowsWould()
    {
        var options = new DataOptions { HeldOut = 0.1 };
        var expected = DataFixture.Load(FileOf(100), options);
        using var table = Table(100);
        RowSource[] sources =
        [
            RowSource.From(Examples(100)),
            RowSource.From(Examples(100).AsQueryable()),
            RowSource.From(Examples(100).Select(row => new { row.Question, row.Answer })),
            RowSource.From(
                Examples(100)
                    .Select(
                    row => new Dictionary<string, object?> { ["question"] = row.Question, ["answer"] = row.Answer })),
            RowSource.From(
                Examples(100).Select(row => new JsonObject { ["question"] = row.Question, ["answer"] = row.Answer })),
            RowSource.From(table.CreateDataReader()),
            await RowSource.FromAsync(Streamed(Examples(100)), cancellation: TestContext.Current.CancellationToken),
        ];
        foreach (var source in sources)
        {
            using var rows = source;
            using var data = Load(rows, options);
            Assert.Equal(Shown(expected.Train), Shown(data.Train));
            Assert.Equal(Shown(expected.Eval), Shown(data.Eval));
            Assert.Equal(
                expected.Questions.Select(question => question.Text), data.Questions.Select(question => question.Text));
            Assert.Equal(expected.ShapeSummary, data.ShapeSummary);
        }
    }

    [Fact]
    public void Rows_AreAskedForOnce_WhateverIsDoneWithThem()
    {
        var times = 0;
        IEnumerable<Example> Counted()
        {
            times++;
            foreach (var row in Examples(40))
                yield return row;
        }

        using var rows = RowSource.From(Counted());
        using var data = Load(rows, new DataOptions { HeldOut = 4, MaxTrainRows = 10 });
        Assert.Equal((10, 4, 4), (data.Train.Count, data.Eval.Count, data.Questions.Count()));
        Assert.Equal(1, times);
    }

    [Theory]
    [InlineData(0, null, null, 1)]
    [InlineData(0.1, null, null, 1)]
    [InlineData(0, 50, null, 2)] // counted first
    [InlineData(0.1, 50, 10, 2)]
    public void Data_IsReadWholeOnce_UnlessRowsAreDrawn(double heldOut, int? train, int? eval, int whole)
    {
        const int rows = 2000, looked = 100 + 300;
        var read = 0;
        IEnumerable<DataRow> Counted()
        {
            for (var i = 0; i < rows; i++, read++)
                yield return new DataRow(
                    new JsonObject { ["question"] = $"What is {i}?", ["answer"] = $"number {i}" },
                    new RowOrigin("rows", i));
        }

        using var source = new RowSource(Counted(), [], "all", "rows");
        using var data = Load(source, new DataOptions { HeldOut = heldOut, MaxTrainRows = train, MaxEvalRows = eval });
        Assert.InRange(read, whole * rows / 2, whole * rows + (train is null ? looked : looked + rows));
        _ = data.FirstRow;
        Assert.Equal(data.Train.Select(row => row.Length), data.TrainLengths);
        Assert.Same(data.PlanBatches(new()), data.PlanBatches(new()));
        Assert.NotSame(data.PlanBatches(new()), data.PlanBatches(new() { BatchSize = 2 }));
    }

    [Fact]
    public void Shapes_AreThoseOfFiles()
    {
        static DatasetShape ShapeOf(params Example[] rows)
        {
            using var source = RowSource.From(rows);
            using var data = Load(source);
            return data.Shape;
        }

        Assert.Equal(
            DatasetShape.Messages, ShapeOf(new Example { Messages = [new("user", "Hi"), new("assistant", "Yo")] }));
        Assert.Equal(
            DatasetShape.Instruction, ShapeOf(new Example { Instruction = "Add.", Input = "1 1", Output = "2" }));
        Assert.Equal(
            DatasetShape.PromptCompletion, ShapeOf(new Example { Prompt = "One, two,", Completion = " three" }));
        Assert.Equal(
            DatasetShape.QuestionAnswer,
            ShapeOf(new Example("Who?", "I") { Context = "I did it.", System = "Be brief." }));
        Assert.Equal(DatasetShape.Text, ShapeOf(new Example { Text = "All of this is learned." }));
        Assert.Equal(DatasetShape.Tokenized, ShapeOf(new Example { InputIds = [1, 5, 6], Labels = [-100, -100, 6] }));
        using var texts = RowSource.From(["Plain text.", "And more."]);
        using var loaded = Load(texts);
        Assert.Equal(DatasetShape.Text, loaded.Shape);
    }

    [Fact]
    public void TokenCache_KnowsRowsByTheirContent()
    {
        var options = new DataOptions
        {
            TokenCache = TokenCacheMode.On,
            TokenCacheFolder = Path.Combine(_data.Folder, "cache"),
        };
        foreach (var count in (int[])[20, 20, 21])
        {
            using var rows = RowSource.From(Examples(count));
            using var data = Load(rows, options);
            Assert.IsType<StoredRows>(data.Train);
            Assert.Equal(count, data.Train.Count);
        }

        Assert.Equal(2, Directory.GetDirectories(options.TokenCacheFolder).Length);
    }

    [Fact]
    public void FaultyRows_AreNamedByTheirNumber()
    {
        using var rows = RowSource.From(
            [new Example("a", "b"), new Example { Question = "c" }, new Example("d", "e")], "faq");
        Assert.Contains("first faq, row 2", Assert.Throws<DatasetException>(() => Load(rows)).Message);
        Assert.StartsWith(
            "examples, row 1 is of type Int32.", Assert.Throws<DatasetException>(() => RowSource.From([7])).Message);
        Assert.StartsWith(
            "examples, row 1 is null.",
            Assert.Throws<DatasetException>(() => RowSource.From(new Example?[] { null })).Message);
        var twice = Assert.Throws<DatasetException>(
            () => RowSource.From(Examples(1).Select(row => new { A = nint.Zero })));
        Assert.StartsWith("examples, row 1 cannot be written as JSON:", twice.Message);
    }

    [Fact]
    public void RowsBesideADataset_AndNone_AreRefused()
    {
        using var rows = RowSource.From(Examples(3));
        var both = Assert.Throws<ConfigurationException>(() => Load(rows, new DataOptions { Datasets = ["a.jsonl"] }));
        Assert.Contains("dataset names a.jsonl", both.Message);
        using var none = RowSource.From(Examples(0));
        Assert.Contains("examples holds no rows", Assert.Throws<DatasetException>(() => Load(none)).Message);
    }

    [Fact]
    public void Dispose_DeletesTheTemporaryFile()
    {
        var rows = RowSource.From(Examples(3));
        var file = Assert.Single(rows.Files).Path;
        Assert.True(File.Exists(file));
        rows.Dispose();
        Assert.False(File.Exists(file));
        Assert.False(Directory.Exists(Path.GetDirectoryName(file)));
    }

    private static DataTable Table(int count)
    {
        var table = new DataTable();
        table.Columns.Add("question");
        table.Columns.Add("answer");
        foreach (var row in Examples(count))
            table.Rows.Add(row.Question, row.Answer);
        return table;
    }

    private static async IAsyncEnumerable<Example> Streamed(
        IEnumerable<Example> rows, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        foreach (var row in rows)
        {
            await Task.Yield();
            cancellation.ThrowIfCancellationRequested();
            yield return row;
        }
    }
}
