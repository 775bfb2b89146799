using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Library;

/// <summary>Runs on a model that is loaded already.</summary>
public sealed class GivenModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LanguageModel _model = TrainedModel.Load();
    private readonly Dataset _data = TrainedModel.Data();

    public void Dispose()
    {
        _model.Dispose();
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Model_AnswersWithTheAdapterAfterwards_AndAsTheBaseWithoutIt()
    {
        using var run = Run("qa");
        var caller = Environment.CurrentManagedThreadId;
        var threads = new HashSet<int>();
        var result = await run.TrainAsync(
            new Watch(_ => threads.Add(Environment.CurrentManagedThreadId)), TestContext.Current.CancellationToken);

        Assert.DoesNotContain(caller, threads);
        Assert.Equal(TrainedModel.Steps, result.Training.Steps);
        Assert.Equal("qa", _model.Adapters.Active);
        foreach (var answer in result.Answers)
        {
            Assert.Equal(answer.After, Ask(answer.Question));
            using (_model.WithoutAdapter())
                Assert.Equal(answer.Before, Ask(answer.Question));
        }

        using var again = LanguageModel.Load(result.Output, _model.Options);
        Assert.Equal(TrainedModel.Answer(_model), TrainedModel.Answer(again));
        Assert.All(
            ["adapter_config.json", "adapter_model.safetensors", "prompt_format.json", "tokenizer.json", "README.md"],
            file => Assert.True(File.Exists(Path.Combine(result.Output, file)), file));
        Assert.All(
            ["run.yaml", "metrics.jsonl", "report.md", "report.html", "log.txt"],
            file => Assert.True(File.Exists(_folder[$"qa/{file}"]), file));
    }

    [Fact]
    public void MergedModel_AnswersAsTheOneItCameFrom()
    {
        using (var run = Run("qa"))
            run.Train();
        var check = _model.Merge(_folder["merged"], new() { Merge = new() { Device = "cpu" } });
        using var merged = LanguageModel.Load(_folder["merged"], _model.Options);

        Assert.True(check.Passed);
        Assert.Equal(TrainedModel.Answer(_model), TrainedModel.Answer(merged));
    }

    [Fact]
    public void Folder_HoldsTheSameAsThatOfARunByOptions()
    {
        using (var run = Run("given"))
            run.Train();
        using (var run = new TrainingRun(Configuration.OptionsResolver.Resolve(_folder["given/run.yaml"],
            [
                new(
                    "output", new Configuration.RawValue.Scalar(_folder["named"]),
                    Configuration.OptionOrigin.CommandLine)])))
            run.Train();

        foreach (var file in new[] { "adapter_model.safetensors", "adapter_config.json", "prompt_format.json" })
            Assert.Equal(
                File.ReadAllBytes(_folder["given/adapter/" + file]),
                File.ReadAllBytes(_folder["named/adapter/" + file]));
        Assert.Equal(Names("given"), Names("named"));
    }

    [Fact]
    public void CancelledRun_SavesAndResumes_AsOneThatWasNot()
    {
        using (var whole = Run("whole"))
            whole.Train();
        using var stop = new CancellationTokenSource();
        using (var cut = Run("cut"))
        {
            var result = cut.Train(
                new Watch(seen =>
                {
                    if (seen is StepCompleted { Metrics.Step: 2 })
                        stop.Cancel();
                }),
                stop.Token);
            Assert.True(result.IsInterrupted);
            Assert.Equal(2, result.Training.Steps);
        }

        using (var resumed = Run(
            "cut",
            TrainedModel.Options() with
            {
                Output = new() { ResumeFromCheckpoint = "latest", SaveSteps = 2, ReportTo = [] },
            }))
            Assert.Equal(TrainedModel.Steps, resumed.Train().Training.Steps);
        Assert.Equal(Weights("whole"), Weights("cut"));
        Assert.Equal(["whole", "cut"], _model.Adapters.Names);
    }

    [Fact]
    public void RunOfAllWeightsThatFails_LeavesAModelThatSaysSo()
    {
        var options = TrainedModel.Options() with { Model = new() { Method = FineTuneMethod.Full } };
        using (var failing = Run("failing", options))
        {
            Assert.Throws<TimeoutException>(() => failing.Train(new Watch(seen =>
            {
                if (seen is StepCompleted { Metrics.Step: 1 })
                    throw new TimeoutException();
            })));
        }

        var refusal = Assert.Throws<InvalidOperationException>(() => TrainedModel.Answer(_model));
        Assert.Contains("which trained all weights and failed. Dispose it and load it again.", refusal.Message);
    }

    [Fact]
    public void OptionsOutOfRange_AreRefusedWhereverTheyAreGiven()
    {
        var ofRun = TrainedModel.Options() with { Lora = new() { Rank = 0 } };
        Assert.Contains("'lora_r' is '0'", Assert.Throws<ConfigurationException>(() => Run("run", ofRun)).Message);
        Assert.Contains("'max_length' is '-3'", Assert.Throws<ConfigurationException>(
            () => Dataset.Load(TrainedModel.Rows, new() { MaxLength = -3 })).Message);
        Assert.Contains("'offload_layers' is '-1'", Assert.Throws<ConfigurationException>(
            () => LanguageModel.Load(TrainedModel.Folder, new() { OffloadLayers = -1 })).Message);
    }

    [Fact]
    public void RunThatFailsMidway_LeavesTheModelAsItWasAndTheFolderFree()
    {
        var before = TrainedModel.Answer(_model);
        using (var failing = Run("failing"))
        {
            var fault = Assert.Throws<TimeoutException>(() => failing.Train(new Watch(seen =>
            {
                if (seen is StepCompleted { Metrics.Step: 1 })
                    throw new TimeoutException();
            })));
            Assert.NotNull(fault);
        }

        Assert.Empty(_model.Adapters.Names);
        Assert.Empty(_model.Decoder.Trainable);
        Assert.Equal(before, TrainedModel.Answer(_model));
        using var again = Run(
            "failing", TrainedModel.Options() with { Output = new() { Overwrite = true, ReportTo = [] } });
        Assert.False(again.Train().IsInterrupted);
    }

    [Fact]
    public void RunThatIsCancelledBeforeItsFirstStep_EndsAtOnceAndLeavesNoFolder()
    {
        using var run = Run("none");
        Assert.Throws<OperationCanceledException>(() => run.Train(null, new CancellationToken(canceled: true)));
        Assert.False(Directory.Exists(_folder["none"]));
    }

    [Fact]
    public void ModelThatIsTrained_RefusesQuestions()
    {
        using var run = Run("busy");
        InvalidOperationException? refusal = null;
        run.Train(new Watch(seen =>
        {
            if (seen is StepCompleted { Metrics.Step: 1 })
                refusal = Assert.Throws<InvalidOperationException>(() => TrainedModel.Answer(_model));
        }));

        Assert.Contains("is being trained", refusal!.Message);
        Assert.NotEmpty(_model.Answer(TrainedModel.Question));
        Assert.Throws<InvalidOperationException>(() => run.Train());
    }

    [Fact]
    public void OptionsOfModelAndData_AreRefusedByName()
    {
        var error = Assert.Throws<ConfigurationException>(
            () => Run(
                "x",
                TrainedModel.Options() with
                {
                    Data = new() { MaxLength = 8 },
                    Quantization = Lorikeet.Quantization.Nf4,
                }));

        Assert.Contains("load_in_4bit, max_length", error.Message);
    }

    [Fact]
    public void OptionsThatContradictEachOther_AreRefusedAsThoseOfAFile()
    {
        var error = Assert.Throws<ConfigurationException>(() => Run("x", TrainedModel.Options() with
        {
            Evaluation = new() { LoadBestModelAtEnd = true },
            Output = new() { Overwrite = true, ResumeFromCheckpoint = "latest" },
        }));

        Assert.Contains("'overwrite_output_dir' would delete what 'resume_from_checkpoint' continues", error.Message);
        Assert.Contains("'load_best_model_at_end' needs held-out rows", error.Message);
    }

    [Fact]
    public void Plan_NeedsNoTraining()
    {
        using var run = Run("planned");
        var plan = run.Plan();

        Assert.Equal(4, plan.BatchSize);
        Assert.True(plan.Memory.Total > 0);
        Assert.False(Directory.Exists(_folder["planned"]));
    }

    private TrainingRun Run(string name, TrainingOptions? options = null) =>
        new(_folder[name], _model, _data, options ?? TrainedModel.Options());

    private string Ask(string question) =>
        _model.Answer(question, new() { MaxNewTokens = 8, EndTokens = [_model.Tokenizer!.EndToken!.Value] });

    private byte[] Weights(string run) =>
        File.ReadAllBytes(Path.Combine(_folder[run], "adapter", AdapterFolder.WeightsFile));

    private List<string> Names(string run) =>
        [.. Directory.EnumerateFiles(_folder[run], "*", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(_folder[run], file)).Order(StringComparer.Ordinal)];

    private sealed class Watch(Action<TrainingEvent> then) : IProgress<TrainingEvent>
    {
        public void Report(TrainingEvent value) => then(value);
    }
}
