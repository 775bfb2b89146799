using Lorikeet.Configuration;
using Lorikeet.Runs.Mlflow;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

public sealed class MlflowLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_IsKeptWithParametersMetricsTagsAndFiles()
    {
        using var server = new MlflowServer();
        File.WriteAllText(_folder["report.md"], "# Good");
        var options = Enumerable.Range(0, 150).Select(i => KeyValuePair.Create($"option_{i}", $"{i}"))
            .Append(new("long", new string('x', 5000)));
        using (var log = Log(server.Address, options, ("MLFLOW_EXPERIMENT_NAME", "hỏi đáp"),
            ("MLFLOW_TAGS", """{"team": "qa"}"""), ("MLFLOW_TRACKING_TOKEN", "secret")))
        {
            foreach (var happened in RecordedRun.Events())
                log.Observe(happened);
            log.Finish([(_folder["report.md"], "report.md"), (_folder["missing"], "missing")]);
            Assert.Null(log.TakeWarning());
        }

        var run = Assert.Single(server.Runs.Values);
        Assert.Equal(("my-run", "FINISHED"), (run.Name, run.Status));
        Assert.Equal(server.Experiments["hỏi đáp"], run.Experiment);
        Assert.Equal(("qa", "my-run"), (run.Tags["team"], run.Tags["mlflow.runName"]));
        Assert.Equal("Bearer secret", server.Authorization);
        Assert.Equal(150, run.Parameters.Count);
        Assert.Equal("# Good", Assert.Single(run.Artifacts).Value);
        var losses = run.Metrics.Where(metric => metric.Key == "loss").ToList();
        Assert.Equal([10, 20, 30, 40], losses.Select(loss => loss.Step));
        Assert.Equal(
            Enumerable.Range(1, 10).Average(step => RecordedRun.Step(step).Loss), losses[0].Value, 1e-9);
        Assert.Equal(
            RecordedRun.Evaluation(20).Loss, run.Metrics.First(metric => metric.Key == "eval_loss").Value);
        Assert.Contains(run.Metrics, metric => metric is { Key: "train_runtime", Step: 40 });
    }

    [Fact]
    public void ServerThatComesLate_GetsEverything_AndItsAbsenceIsSaidOnce()
    {
        var port = MlflowServer.FreePort();
        using var log = Log(new Uri($"http://127.0.0.1:{port}"), []);
        foreach (var happened in RecordedRun.Events())
            log.Observe(happened);
        string? said = null;
        Assert.True(SpinWait.SpinUntil(() => (said ??= log.TakeWarning()) is not null, TimeSpan.FromSeconds(30)));

        using var server = new MlflowServer(port);
        log.Finish([]);

        Assert.Contains("the training goes on", said);
        Assert.Null(log.TakeWarning());
        var run = Assert.Single(server.Runs.Values);
        Assert.Equal("FINISHED", run.Status);
        Assert.Equal(4, run.Metrics.Count(metric => metric.Key == "loss"));
    }

    [Fact]
    public void ServerThatNeverComes_LosesNothingButItsCopy_AndSaysSo()
    {
        using var log = Log(new Uri($"http://127.0.0.1:{MlflowServer.FreePort()}"), []);
        foreach (var happened in RecordedRun.Events())
            log.Observe(happened);
        log.Finish([]);

        Assert.Contains("lacks the end of this run, of which metrics.jsonl has all", log.TakeWarning());
    }

    [Fact]
    public void RunId_GoesOnWithThatRun()
    {
        using var server = new MlflowServer();
        using (var first = Log(server.Address, [new("seed", "1")]))
        {
            foreach (var happened in RecordedRun.Events(lastStep: 20))
                first.Observe(happened);
        }

        Assert.Equal("FAILED", server.Runs["run0"].Status);
        using (var second = Log(server.Address, [new("seed", "2")], ("MLFLOW_RUN_ID", "run0")))
        {
            foreach (var happened in RecordedRun.Events(firstStep: 20))
                second.Observe(happened);
            second.Finish([]);
            Assert.Contains("keeps other parameters", second.TakeWarning());
        }

        var run = Assert.Single(server.Runs.Values);
        Assert.Equal(("FINISHED", "1"), (run.Status, run.Parameters["seed"]));
        Assert.Equal(4, run.Metrics.Count(metric => metric.Key == "loss"));
    }

    [Theory]
    [InlineData("MLFLOW_TRACKING_URI names no server")]
    [InlineData("The address of a server was expected", "MLFLOW_TRACKING_URI", "./mlruns")]
    [InlineData("MLFLOW_TAGS is 'x'", "MLFLOW_TRACKING_URI", "http://127.0.0.1", "MLFLOW_TAGS", "x")]
    public void Variables_ThatSayNothing_AreRefused(string said, params string[] variables)
    {
        var known = variables.Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);

        var error = Assert.Throws<ConfigurationException>(
            () => MlflowSettings.From("run", name => known.GetValueOrDefault(name)));

        Assert.Contains(said, error.Message);
    }

    private static MlflowLog Log(
        Uri server, IEnumerable<KeyValuePair<string, string>> parameters, params (string Name, string Value)[] more)
    {
        var variables = more.Append(("MLFLOW_TRACKING_URI", server.ToString()))
            .ToDictionary(variable => variable.Item1, variable => variable.Item2);
        return new MlflowLog(
            MlflowSettings.From("my-run", name => variables.GetValueOrDefault(name)), parameters, loggingSteps: 10,
            new SteppingClock());
    }
}
