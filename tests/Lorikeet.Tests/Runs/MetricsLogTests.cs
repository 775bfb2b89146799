using System.Text.Json;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

public sealed class MetricsLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Lines_HoldTheKeysOfTheContract()
    {
        var lines = File.ReadAllLines(Write("metrics.jsonl", RecordedRun.Events()));

        Assert.Equal(43, lines.Length);
        Assert.Equal(
            ["step", "epoch", "loss", "grad_norm", "learning_rate", "tokens", "tokens_per_second", "peak_memory_bytes"],
            Keys(lines[0]));
        Assert.Equal(
            ["step", "epoch", "eval_loss", "eval_perplexity", "eval_rows", "eval_targets", "eval_runtime"],
            Keys(lines[20]));
        Assert.Contains("\"stop_reason\":\"completed\"", lines[^1]);
    }

    [Fact]
    public void Read_GivesBackWhatWasWritten()
    {
        var history = RunHistory.Read(Write("metrics.jsonl", RecordedRun.Events()));

        Assert.Equal(Enumerable.Range(1, 40).Select(RecordedRun.Step), history.Steps);
        Assert.Equal([RecordedRun.Evaluation(20), RecordedRun.Evaluation(40)], history.Evaluations);
        Assert.Equal(RecordedRun.Result(), history.Result);
    }

    [Theory]
    [InlineData(20, 20)] // killed right after the checkpoint
    [InlineData(20, 37)] // killed 17 steps later
    public void Resume_EndsWithTheFileOfARunNeverInterrupted(int checkpoint, int killedAfter)
    {
        var uninterrupted = Write("a.jsonl", RecordedRun.Events());
        var interrupted = Write("b.jsonl", RecordedRun.Events(lastStep: killedAfter));
        File.AppendAllText(interrupted, "{\"step\":38,\"epo"); // the crash cut the last line short
        Write("b.jsonl", RecordedRun.Events(firstStep: checkpoint));

        Assert.Equal(File.ReadAllText(uninterrupted), File.ReadAllText(interrupted));
    }

    [Fact]
    public void Resume_OfAFinishedRunWithMoreSteps_DropsItsEnd()
    {
        var path = Write("metrics.jsonl", RecordedRun.Events());
        var resumed = new RunStarted(RecordedRun.Summary(firstStep: 40));
        Write("metrics.jsonl", [resumed, new StepCompleted(RecordedRun.Step(41))]);

        var history = RunHistory.Read(path);

        Assert.Equal(41, history.Steps.Count);
        Assert.Null(history.Result);
    }

    [Fact]
    public void Start_OverAnOldFile_LeavesNothingOfIt()
    {
        var path = Write("metrics.jsonl", RecordedRun.Events());
        Write("metrics.jsonl", [new RunStarted(RecordedRun.Summary()), new StepCompleted(RecordedRun.Step(1))]);

        Assert.Single(File.ReadAllLines(path));
    }

    [Fact]
    public void Interruption_IsNotAnEnd()
    {
        var interrupted = new RunCompleted(RecordedRun.Result(StopReason.Interrupted, 7));
        var path = Write("metrics.jsonl", [.. RecordedRun.Events(lastStep: 7), interrupted]);

        Assert.Null(RunHistory.Read(path).Result);
    }

    [Fact]
    public void EveryLine_IsReadableBeforeTheLogIsClosed()
    {
        var path = _folder["metrics.jsonl"];
        using var log = new MetricsLog(path);
        log.Observe(new RunStarted(RecordedRun.Summary()));
        log.Observe(new StepCompleted(RecordedRun.Step(1)));

        Assert.Single(RunHistory.Read(path).Steps);
    }

    [Fact]
    public void NotANumber_IsWrittenAsNullAndReadBack()
    {
        var diverged = RecordedRun.Step(1) with { Loss = double.NaN, GradNorm = double.PositiveInfinity };
        var path = Write("metrics.jsonl", [new RunStarted(RecordedRun.Summary()), new StepCompleted(diverged)]);

        using var line = JsonDocument.Parse(File.ReadAllLines(path)[0]);
        Assert.Equal(JsonValueKind.Null, line.RootElement.GetProperty("loss").ValueKind);
        Assert.Equal(JsonValueKind.Null, line.RootElement.GetProperty("grad_norm").ValueKind);
        Assert.True(double.IsNaN(RunHistory.Read(path).Steps[0].Loss));
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[1]")]
    [InlineData("{\"step\":2,\"loss\":1}")]
    [InlineData("{\"step\":2,\"step\":3,\"loss\":1}")]
    [InlineData("{\"step\":99999999999,\"loss\":1}")]
    [InlineData("{\"stop_reason\":null}")]
    [InlineData("{\"stop_reason\":\"bored\"}")]
    [InlineData("{\"loss\":\"\\ud800\"}")]
    public void Read_OfAForeignLine_NamesFileAndLine(string line)
    {
        var path = Write("metrics.jsonl", RecordedRun.Events(lastStep: 1));
        File.AppendAllText(path, line + "\n");

        var error = Assert.Throws<CheckpointException>(() => RunHistory.Read(path));

        Assert.Matches("(:2:|, line 2\\.)", error.Message);
        Assert.Contains(path, error.Message);
    }

    private string Write(string name, IEnumerable<TrainingEvent> events)
    {
        using var log = new MetricsLog(_folder[name]);
        foreach (var recorded in events)
            log.Observe(recorded);
        return _folder[name];
    }

    private static string[] Keys(string line)
    {
        using var document = JsonDocument.Parse(line);
        return [.. document.RootElement.EnumerateObject().Select(property => property.Name)];
    }
}
