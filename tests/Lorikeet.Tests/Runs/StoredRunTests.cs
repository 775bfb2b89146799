using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

public sealed class StoredRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void In_ListsRunsTheNewestFirst_AndNothingElse()
    {
        Store("old", 2e-4, new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        Store("new", 1e-3, new DateTimeOffset(2026, 2, 1, 0, 0, 0, TimeSpan.Zero));
        Directory.CreateDirectory(_folder["notes"]);
        File.WriteAllText(_folder["notes/log.txt"], "mine");

        var runs = StoredRun.In(_folder.Path);

        Assert.Equal(["new", "old"], runs.Select(run => run.Name));
        Assert.Empty(StoredRun.In(_folder["missing"]));
        var difference = Assert.Single(StoredRun.Differences(runs));
        Assert.Equal("learning_rate", difference.Name);
        Assert.Equal(["0.001", "0.0002"], difference.Values);
        Assert.Contains(("learning_rate", "0.001"), runs[0].ChangedOptions());
    }

    [Fact]
    public void Read_GivesBackWhatARunKept()
    {
        Store("run", 1e-3, DateTimeOffset.UnixEpoch);

        var run = StoredRun.Read(_folder["run"]);

        Assert.Empty(run.Problems);
        Assert.Equal(RunState.Finished, run.State);
        Assert.Equal(40, run.History.Steps.Count);
        Assert.Equal(40, run.TotalSteps);
        Assert.Equal(RecordedRun.Summary(), run.Record!.Summary);
        Assert.Equal(RecordedReport.Create().Scores, run.Record.Scores);
        Assert.Equal(1e-3, run.Options!.Optimization.LearningRate);
        Assert.Equal("yes & <b>yes</b>", run.Record.Answers[^1].Expected);
    }

    [Fact]
    public void IsRunning_WhileAProcessHoldsTheFolder()
    {
        Store("run", 1e-3, DateTimeOffset.UnixEpoch);
        using (new RunFolder(_folder["run"]).Lock())
            Assert.True(StoredRun.Read(_folder["run"]).IsRunning);

        Assert.False(StoredRun.Read(_folder["run"]).IsRunning);
    }

    [Fact]
    public void WhatCannotBeRead_IsAProblem_AndTheRestIsRead()
    {
        Store("run", 1e-3, DateTimeOffset.UnixEpoch);
        var folder = new RunFolder(_folder["run"]);
        File.WriteAllText(folder.RecordFile, """{"started": 5}""");

        var run = StoredRun.Read(_folder["run"]);

        Assert.Null(run.Record);
        Assert.Equal(40, run.History.Steps.Count);
        Assert.Contains("summary.json' is not what a run wrote", Assert.Single(run.Problems));
        Assert.Throws<ConfigurationException>(() => StoredRun.Read(_folder["nothing"]));
    }

    private void Store(string name, double rate, DateTimeOffset started)
    {
        var run = new RunFolder(_folder[name]);
        run.Begin();
        File.WriteAllText(run.OptionsFile, ResolvedOptions.FromCode(new TrainingOptions
        {
            Model = new() { Model = "nano-base" },
            Data = new() { Datasets = ["qa.jsonl"] },
            Optimization = new() { LearningRate = rate },
            Output = new() { OutputDir = run.Folder },
        }).ToYaml());
        using (var log = new MetricsLog(run.MetricsFile))
        {
            foreach (var happened in RecordedRun.Events())
                log.Observe(happened);
        }

        var report = RecordedReport.Create();
        new RunRecord
        {
            Started = started,
            Version = "0",
            Machine = "here",
            Dataset = report.Dataset,
            Summary = report.Summary,
            Scores = report.Scores,
            Answers = report.Answers,
        }.Write(run.RecordFile);
    }
}
