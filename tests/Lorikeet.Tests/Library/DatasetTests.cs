using Lorikeet.Data;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Library;

public sealed class DatasetTests : IDisposable
{
    private readonly LanguageModel _model = TrainedModel.Load();

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Objects_TrainAsAFileOfThemDoes()
    {
        using var folder = new TemporaryFolder();
        var examples = Enumerable.Range(1, 24).Select(i => new Example($"What is {i}?", $"A number, {i}.")).ToList();
        File.WriteAllLines(
            folder["rows.jsonl"],
            examples.Select(row => $$"""{"question":"{{row.Question}}","answer":"{{row.Answer}}"}"""));
        using var objects = Dataset.From(examples, new() { HeldOut = 4 }, "numbers");
        using var file = Dataset.Load(folder["rows.jsonl"], new() { HeldOut = 4 });

        Assert.Equal(
            file.Encode(_model).Train.Select(row => row.Ids), objects.Encode(_model).Train.Select(row => row.Ids));
        Assert.Equal(4, objects.Encode(_model).Eval.Count);
        using (var run = new TrainingRun(folder["run"], _model, objects, TrainedModel.Options(steps: 1)))
            Assert.NotNull(run.Train().HeldOutLoss);
        Assert.Contains("fine-tuned on numbers", File.ReadAllText(folder["run/report.md"]));
    }

    [Fact]
    public async Task Stream_IsReadOnce()
    {
        var reads = 0;
        using var data = await Dataset.FromAsync(Rows(), cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(3, data.Encode(_model).Train.Count);
        Assert.Same(data.Encode(_model), data.Encode(_model));
        Assert.Equal(1, reads);

        async IAsyncEnumerable<Example> Rows()
        {
            reads++;
            await Task.Yield();
            for (var i = 0; i < 3; i++)
                yield return new Example($"What is {i}?", "A number.");
        }
    }

    [Fact]
    public void RowsBesideANamedDataset_AreRefused() => Assert.Contains(
        "'x.jsonl'",
        Assert.Throws<ConfigurationException>(() => Dataset.From(["a"], new() { Datasets = ["x.jsonl"] })).Message);
}
