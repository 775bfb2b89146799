using System.Text.Json;
using Lorikeet.Configuration;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Optimization;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;
using Lorikeet.Training.Loop;

namespace Lorikeet.Tests.Training;

/// <summary>Whole jobs on a tiny model: what is in the run's folder afterwards, whatever happens meanwhile.</summary>
public sealed class TrainingRunTests : IDisposable
{
    private const int Steps = 4;

    private readonly TemporaryFolder _folder = new();

    public TrainingRunTests() => File.WriteAllLines(_folder["rows.jsonl"], Enumerable.Range(3, 8).Select(first =>
    {
        int[] ids = [.. Enumerable.Range(first, 6)];
        return JsonSerializer.Serialize(new { input_ids = ids, labels = ids });
    }));

    private RunFolder Run => new(_folder["run"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Adapter_WhenMetricsAreCutShortMeanwhile_IsSavedAndTheFaultIsAWarning()
    {
        var display = new Display(seen =>
        {
            if (seen is StepCompleted { Metrics.Step: 2 })
                CutShort(Run.MetricsFile);
        });
        Train(Options(), display);

        Assert.True(File.Exists(Path.Combine(Run.AdapterFolder, AdapterFolder.WeightsFile)));
        Assert.Contains(
            display.Warnings, warning => warning.Contains("metrics could not be read", StringComparison.Ordinal));
        Assert.True(File.Exists(Run.MarkdownReport));
        Assert.NotEqual(RunState.Empty, Run.State());
    }

    [Fact]
    public void Adapter_WhenTheRunsFilesAreDeletedMeanwhile_IsSaved()
    {
        var display = new Display(seen =>
        {
            if (seen is StepCompleted { Metrics.Step: Steps })
                Directory.Delete(Run.Folder, recursive: true);
        });
        Train(Options(), display);

        Assert.True(File.Exists(Path.Combine(Run.AdapterFolder, AdapterFolder.WeightsFile)));
    }

    [Fact]
    public void Run_IsFinishedOnlyWhenItsResultIsSaved()
    {
        var wasSaved = false;
        Train(Options(), new Display(seen => wasSaved |= seen is RunCompleted && Directory.Exists(Run.AdapterFolder)));

        Assert.True(wasSaved);
    }

    [Fact]
    public void SecondRunInAFolderInUse_IsRefusedAndNamesTheProcess()
    {
        ConfigurationException? error = null;
        Train(Options(), new Display(seen =>
        {
            if (seen is StepCompleted { Metrics.Step: 1 })
                error = Assert.Throws<ConfigurationException>(() => Train(Overwriting(Options()), new Display()));
        }));

        Assert.Contains($"process {Environment.ProcessId}", error!.Message);
    }

    [Fact]
    public void RunThatEndsBeforeItsFolderIsOpen_LeavesNone()
    {
        var options = Options() with { Data = Options().Data with { Datasets = [_folder["missing.jsonl"]] } };

        Assert.ThrowsAny<LorikeetException>(() => Train(options, new Display()));
        Assert.False(Directory.Exists(Run.Folder));
    }

    [Fact]
    public void FinishedRun_Resumed_SaysSoAndKeepsItsMeanLossAndWhatOthersPutBesideTheAdapter()
    {
        var whole = Train(Options(), new Display());
        var note = Path.Combine(Run.AdapterFolder, "note.txt");
        File.WriteAllText(note, "mine");
        var display = new Display();
        var again = Train(Resuming(Options()), display);

        Assert.Equal(whole.TrainLoss, again.TrainLoss);
        Assert.Contains(display.Notes, line => line.Contains("nothing is left to train", StringComparison.Ordinal));
        Assert.Equal("mine", File.ReadAllText(note));
        Assert.Equal(whole.TrainLoss, RunHistory.Read(Run.MetricsFile).Result!.TrainLoss);
    }

    [Fact]
    public void FinishedRunWithoutCheckpoint_Resumed_IsRefused()
    {
        var options = Options();
        options = options with { Output = options.Output with { SaveStrategy = IntervalStrategy.No } };
        Train(options, new Display());

        Assert.Throws<ConfigurationException>(() => Train(Resuming(options), new Display()));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(Steps)]
    public void ParametersThatAreNotFinite_AreNeverSaved(int steps)
    {
        var options = Options();
        options = options with
        {
            Optimization = options.Optimization with
            {
                LearningRate = 1e38,
                MaxSteps = steps,
                Scheduler = SchedulerKind.Constant,
            },
            Output = options.Output with { SaveSteps = 1 },
        };
        var error = Assert.Throws<LorikeetException>(() => Train(options, new Display()));

        Assert.Contains("After step 1,", error.Message);
        Assert.Contains("lora_", error.Message);
        Assert.Contains("No checkpoint was saved yet.", error.Message);
        Assert.False(Directory.Exists(Run.AdapterFolder));
        Assert.Null(Run.Checkpoints.Latest());
    }

    [Fact]
    public void DamagedCheckpoint_IsNamedAndTheOneBeforeItUsed()
    {
        Train(Options(), new Display());
        var whole = Weights();
        Directory.Delete(Run.AdapterFolder, recursive: true);
        var newest = Run.Checkpoints.Latest()!.Folder;
        Flip(Path.Combine(newest, "position.json"), 20);
        var display = new Display();
        Train(Resuming(Options()), display);

        Assert.Contains(display.Warnings, warning => warning.Contains("position.json", StringComparison.Ordinal));
        Assert.Equal(whole, Weights());
        Assert.Null(TrainingCheckpoint.Damage(newest));
    }

    [Fact]
    public void FlippedBitInAnyFileOfACheckpoint_IsNoticed()
    {
        Train(Options(), new Display());
        var checkpoint = Run.Checkpoints.Latest()!.Folder;
        foreach (var file in Directory.GetFiles(checkpoint))
        {
            var length = (int)new FileInfo(file).Length;
            for (var place = 0; place < length; place += 1 + length / 20)
            {
                Flip(file, place);
                Assert.NotNull(TrainingCheckpoint.Damage(checkpoint));
                Flip(file, place);
            }
        }

        Assert.Null(TrainingCheckpoint.Damage(checkpoint));
    }

    [Fact]
    public void RunResumedWithOtherSettings_IsRefusedAndNamesEach()
    {
        Train(Options(), new Display());
        var options = Resuming(Options());
        options = options with
        {
            Optimization = options.Optimization with { LearningRate = 1e-3 },
            Lora = new() { Rank = 4 },
        };
        var error = Assert.Throws<ConfigurationException>(() => Train(options, new Display()));

        Assert.Contains("learning_rate was 0.0002 and is 0.001", error.Message);
        Assert.Contains("lora_r was 16 and is 4", error.Message);
        Assert.DoesNotContain("rows", error.Message);
    }

    [Fact]
    public void RunResumedOnOtherRows_IsRefusedAndSaysSo()
    {
        Train(Options(), new Display());
        var rows = File.ReadAllLines(_folder["rows.jsonl"]);
        File.WriteAllLines(_folder["rows.jsonl"], rows.Reverse());
        var error = Assert.Throws<ConfigurationException>(() => Train(Resuming(Options()), new Display()));

        Assert.Contains("training rows", error.Message);
        Assert.DoesNotContain("base has", error.Message);
    }

    [Fact]
    public void RunResumedOnAnotherBase_IsRefusedAndSaysSo()
    {
        foreach (var file in Directory.GetFiles(Options().Model.Model))
        {
            Directory.CreateDirectory(_folder["base"]);
            File.Copy(file, Path.Combine(_folder["base"], Path.GetFileName(file)));
        }

        var options = Options() with { Model = Options().Model with { Model = _folder["base"] } };
        Train(options, new Display());
        var weights = Path.Combine(_folder["base"], "model.safetensors");
        Flip(weights, (int)new FileInfo(weights).Length - 2);
        var error = Assert.Throws<ConfigurationException>(() => Train(Resuming(options), new Display()));

        Assert.Contains("the base has other weights", error.Message);
    }

    [Fact]
    public void BestCheckpointThatIsGone_IsLookedForAnew()
    {
        var options = Options() with
        {
            Data = Options().Data with { EvalDatasets = [_folder["rows.jsonl"]] },
            // No evaluation after the first is better by so much.
            Evaluation = new()
            {
                EvalSteps = 1,
                Strategy = IntervalStrategy.Steps,
                OnStart = false,
                EarlyStoppingThreshold = 100,
            },
        };
        options = options with { Output = options.Output with { SaveSteps = 1, SaveTotalLimit = null } };
        Train(options, new Display());
        Directory.Delete(Run.Checkpoints.ForStep(Steps), recursive: true);
        Directory.Delete(Run.Checkpoints.ForStep(1), recursive: true);
        options = options with { Evaluation = options.Evaluation with { LoadBestModelAtEnd = true } };
        var display = new Display();
        var result = Train(Resuming(options), display);

        Assert.Contains(
            display.Warnings, warning => warning.Contains("The best is looked for anew", StringComparison.Ordinal));
        Assert.Equal(Steps, result.BestStep);
        Assert.True(File.Exists(Path.Combine(Run.AdapterFolder, AdapterFolder.WeightsFile)));
    }

    [Fact]
    public void DamagedAdapter_IsRefusedAndOneThatAnotherProgramWroteIsNot()
    {
        Train(Options(), new Display());
        var path = Path.Combine(Run.AdapterFolder, AdapterFolder.WeightsFile);
        using (var file = SafetensorsFile.Open(path))
        {
            SafetensorsWriter.Write(
                _folder["rewritten"], file.Tensors.Keys.Select(name => TensorToWrite.FromSource(file, name)));
        }

        Flip(path, (int)new FileInfo(path).Length - 1);
        Assert.Contains(
            path, Assert.Throws<CheckpointException>(() => AdapterFolder.OpenWeights(Run.AdapterFolder)).Message);
        File.Move(_folder["rewritten"], path, overwrite: true);
        Flip(path, (int)new FileInfo(path).Length - 1);
        AdapterFolder.OpenWeights(Run.AdapterFolder).Dispose();
    }

    private string Weights() =>
        Convert.ToHexString(File.ReadAllBytes(Path.Combine(Run.AdapterFolder, AdapterFolder.WeightsFile)));

    private static void Flip(string path, int place)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[place] ^= 1;
        File.WriteAllBytes(path, bytes);
    }

    private TrainingOptions Options() => new()
    {
        Model = new() { Model = TestAssets.Golden("models", "gqa"), Device = "cpu", TorchDtype = ComputeType.Float32 },
        Data = new() { Datasets = [_folder["rows.jsonl"]] },
        Optimization = new() { BatchSize = 2, GradientAccumulation = 1, MaxSteps = Steps },
        Output = new() { OutputDir = Run.Folder, SaveSteps = 2, ReportTo = [] },
    };

    private static TrainingOptions Overwriting(TrainingOptions options) =>
        options with { Output = options.Output with { Overwrite = true } };

    private static TrainingOptions Resuming(TrainingOptions options) =>
        options with { Output = options.Output with { ResumeFromCheckpoint = "latest" } };

    private static TrainingResult Train(TrainingOptions options, Display display)
    {
        using var run = new TrainingRun(ResolvedOptions.FromCode(options));
        return run.Train(display).Training;
    }

    private static void CutShort(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(100);
    }

    private sealed class Display(Action<TrainingEvent>? then = null) : ITrainingObserver
    {
        public List<string> Warnings { get; } = [];

        public List<string> Notes { get; } = [];

        public void Observe(TrainingEvent trainingEvent)
        {
            if (trainingEvent is Warning warned)
                Warnings.Add(warned.Message);
            if (trainingEvent is Note noted)
                Notes.Add(noted.Message);
            then?.Invoke(trainingEvent);
        }
    }
}
