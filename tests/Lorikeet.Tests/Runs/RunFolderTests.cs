using Lorikeet.Configuration;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

public sealed class RunFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "timdettmers/openassistant-guanaco",
        "tinyllama-1.1b-chat-v1.0-openassistant-guanaco-20261123-2215")]
    [InlineData("./models/nano-base/", "assets/facts-qa/train.jsonl.gz", "nano-base-facts-qa-20261123-2215")]
    [InlineData("mô hình", "hỏi đáp.jsonl", "m-h-nh-h-i-p-20261123-2215")]
    [InlineData("..", "..", "run-run-20261123-2215")]
    public void DefaultName_SaysModelDataAndTime(string model, string dataset, string expected)
    {
        if (dataset.Contains(".jsonl"))
        {
            dataset = _folder[dataset];
            Directory.CreateDirectory(Path.GetDirectoryName(dataset)!);
            File.WriteAllText(dataset, "");
        }

        var folder = RunFolder.Named(model, dataset, new SteppingClock(), _folder.Path);

        Assert.Equal(expected, folder.Name);
    }

    [Fact]
    public void DefaultName_WhenTaken_GetsANumber()
    {
        Directory.CreateDirectory(_folder["m-d-20261123-2215"]);
        Directory.CreateDirectory(_folder["m-d-20261123-2215-2"]);

        Assert.Equal("m-d-20261123-2215-3", RunFolder.Named("m", "d", new SteppingClock(), _folder.Path).Name);
    }

    [Fact]
    public void Begin_InANewFolder_CreatesIt()
    {
        var run = new RunFolder(_folder["new/run"]);

        run.Begin();

        Assert.True(Directory.Exists(run.Folder));
        Assert.Equal(RunState.Empty, run.State());
    }

    [Fact]
    public void Begin_OverAFinishedRun_IsRefusedAndNamesTheWaysOut()
    {
        var run = Recorded(lastStep: 40);

        var error = Assert.Throws<ConfigurationException>(() => run.Begin());

        Assert.Equal(RunState.Finished, run.State());
        Assert.Contains("finished run", error.Message);
        Assert.Contains("'overwrite_output_dir' true", error.Message);
    }

    [Fact]
    public void Begin_OverAnInterruptedRun_SuggestsToResume()
    {
        var run = Recorded(lastStep: 30);
        Directory.CreateDirectory(run.Checkpoints.ForStep(20));

        var error = Assert.Throws<ConfigurationException>(() => run.Begin());

        Assert.Equal(RunState.Interrupted, run.State());
        Assert.Contains("'resume_from_checkpoint' true", error.Message);
        Assert.Contains("step 20", error.Message);
    }

    [Fact]
    public void Begin_OverARunInterruptedBeforeItsFirstCheckpoint_DoesNotSuggestToResume()
    {
        var error = Assert.Throws<ConfigurationException>(() => Recorded(lastStep: 5).Begin());

        Assert.Contains("before its first checkpoint", error.Message);
        Assert.DoesNotContain("resume_from_checkpoint", error.Message);
    }

    [Fact]
    public void Begin_AfterARunThatNeverTookAStep_StartsOver()
    {
        var run = new RunFolder(_folder["run"]);
        run.Begin();
        WriteOptions(run);
        File.WriteAllText(run.LogFile, "no such file\n");

        run.Begin();

        Assert.False(File.Exists(run.OptionsFile));
    }

    [Fact]
    public void Begin_AmongForeignFiles_IsRefused()
    {
        File.WriteAllText(_folder["thesis.tex"], "years of work");

        var error = Assert.Throws<ConfigurationException>(() => new RunFolder(_folder.Path).Begin());

        Assert.Contains("no run wrote", error.Message);
    }

    [Theory]
    [InlineData("adapter/weights", false)]
    [InlineData("model/weights", true)]
    [InlineData("checkpoints/step-000002/weights", true)]
    [InlineData("metrics.jsonl", true)]
    [InlineData("run.yaml", false)]
    public void Begin_BesideFilesThatNoRunWrote_LeavesThem(string name, bool withLog)
    {
        var file = _folder[name];
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, "mine\n");
        if (withLog)
            File.WriteAllText(_folder["log.txt"], "my log");
        var run = new RunFolder(_folder.Path);

        Assert.Throws<ConfigurationException>(() => run.Begin());
        Assert.Throws<ConfigurationException>(() => run.Begin(overwrite: true));
        Assert.Equal("mine\n", File.ReadAllText(file));
    }

    [Theory]
    [InlineData("adapter")]
    [InlineData("model")]
    public void Begin_OverAFinishedRunWithoutMetrics_IsRefused(string result)
    {
        var run = new RunFolder(_folder["run"]);
        run.Begin();
        WriteOptions(run);
        var weights = Path.Combine(Directory.CreateDirectory(Path.Combine(run.Folder, result)).FullName, "weights");
        File.WriteAllText(weights, "hours of work");

        Assert.Throws<ConfigurationException>(() => run.Begin());
        Assert.Equal(RunState.Finished, run.State());
        run.Begin(overwrite: true);
        Assert.False(File.Exists(weights));
    }

    [Fact]
    public void Begin_OverARunWhoseMetricsAreDamaged_IsRefusedUnlessToldToOverwrite()
    {
        var run = new RunFolder(_folder["run"]);
        run.Begin();
        WriteOptions(run);
        File.WriteAllText(run.MetricsFile, "\0\0\n");

        Assert.Throws<ConfigurationException>(() => run.Begin());
        run.Begin(overwrite: true);
        Assert.Equal(RunState.Empty, run.State());
    }

    [Fact]
    public void Resuming_BesideFilesOfOthers_IsRefusedOnlyWhereNoRunBegan()
    {
        File.WriteAllText(_folder["note.txt"], "mine");
        var run = new RunFolder(_folder.Path + "/");
        Assert.Throws<ConfigurationException>(() => run.RequireResumable(overwrite: false));

        WriteOptions(run);
        run.RequireResumable(overwrite: false);
        Directory.CreateDirectory(run.AdapterFolder);
        Assert.Throws<ConfigurationException>(() => run.RequireResumable(overwrite: false));
    }

    [Fact]
    public void Lock_OfAFolderInUse_IsRefusedUntilItIsReleased()
    {
        var run = new RunFolder(_folder.Path);
        var first = run.Lock();

        Assert.Contains($"process {Environment.ProcessId}", Assert.Throws<ConfigurationException>(run.Lock).Message);
        first.Dispose();
        run.Lock().Dispose();
        Assert.Equal(RunState.Empty, run.State());
    }

    [Fact]
    public void Begin_WithOverwrite_RemovesTheRunAndNothingElse()
    {
        var run = Recorded(lastStep: 40);
        Directory.CreateDirectory(run.Checkpoints.ForStep(40));
        var note = Path.Combine(run.Folder, "note.txt");
        File.WriteAllText(note, "mine");

        run.Begin(overwrite: true);

        Assert.Equal([note], Directory.EnumerateFileSystemEntries(run.Folder));
    }

    private static void WriteOptions(RunFolder run) =>
        File.WriteAllText(run.OptionsFile, ResolvedOptions.FromCode(
            new TrainingOptions { Model = new() { Model = "base" } }, needsData: false).ToYaml());

    private RunFolder Recorded(int lastStep)
    {
        var run = new RunFolder(_folder["run"]);
        run.Begin();
        using var metrics = new MetricsLog(run.MetricsFile);
        foreach (var recorded in RecordedRun.Events(lastStep: lastStep))
            metrics.Observe(recorded);
        return run;
    }
}
