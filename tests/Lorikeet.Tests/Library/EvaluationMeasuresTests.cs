using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Library;

/// <summary>What evaluations measure beside the loss, and what follows of it.</summary>
public sealed class EvaluationMeasuresTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LanguageModel _model = TrainedModel.Load();
    private readonly Dataset _data = Dataset.Load(
        TrainedModel.Rows, new() { MaxTrainRows = 24, MaxLength = 64, HeldOut = 8 });

    public void Dispose()
    {
        _model.Dispose();
        _data.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Answers_ChooseTheWeights_AndAResumedRunChoosesTheSame()
    {
        var options = Options(6, 5e-3) with
        {
            Output = TrainedModel.Options().Output with { SaveSteps = 3, SaveTotalLimit = null },
        };
        options = options with
        {
            Evaluation = options.Evaluation with
            {
                MetricForBestModel = BestMetric.F1,
                Questions = 4,
                MaxNewTokens = 6,
                LoadBestModelAtEnd = true,
            },
        };
        var whole = Train("whole", options);
        var evaluations = History("whole").Evaluations;

        Assert.All(evaluations, evaluation => Assert.Equal(4, evaluation.Answers!.Questions));
        var best = evaluations.Where(evaluation => evaluation.Step > 0).MaxBy(evaluation => evaluation.Answers!.F1)!;
        Assert.Equal((best.Step, best.Answers!.F1), (whole.Training.BestStep, whole.Training.BestValue));
        Assert.Equal(BestMetric.F1, whole.Training.Metric);

        Directory.Delete(_folder["whole/checkpoints/step-000006"], recursive: true);
        var resumed = Train("whole", options with
        {
            Output = options.Output with { ResumeFromCheckpoint = _folder["whole/checkpoints/step-000003"] },
        });
        Assert.Equal(whole.Training.BestStep, resumed.Training.BestStep);
        Assert.Equal(whole.Training.BestValue, resumed.Training.BestValue);
        Assert.Equal(
            evaluations.Select(evaluation => (evaluation.Loss, evaluation.Answers!.F1, evaluation.Probe!.Divergence)),
            History("whole").Evaluations
                .Select(evaluation => (evaluation.Loss, evaluation.Answers!.F1, evaluation.Probe!.Divergence)));
    }

    [Fact]
    public void RunThatForgetsTooMuch_StopsAndSavesItsResult()
    {
        var options = Options(6, 0.5);
        var result = Train("run", options with { Evaluation = options.Evaluation with { MaxForgetting = 0.05 } });

        Assert.True(result.ForgotTooMuch);
        Assert.Equal(2, result.Training.Steps);
        Assert.True(result.Forgetting!.Divergence > 0.05);
        Assert.True(File.Exists(Path.Combine(result.Output, "adapter_model.safetensors")));
        Assert.Contains(result.Warnings, warning => warning.Contains("max_forgetting", StringComparison.Ordinal));
        Assert.Equal(StopReason.Forgetting, History("run").Result!.Reason);
    }

    [Fact]
    public void Base_HasForgottenNothing_AndGivenTextIsMeasuredInPlaceOfTheBuiltIn()
    {
        File.WriteAllLines(_folder["probe.txt"], ["The quick brown fox jumps over the lazy dog."]);
        var options = Options(2, 1e-3);
        Train("own", options with { Evaluation = options.Evaluation with { Probe = _folder["probe.txt"] } });
        Train("none", options with { Evaluation = options.Evaluation with { Probe = "none" } });

        var probes = History("own").Evaluations.Select(evaluation => evaluation.Probe!).ToList();
        Assert.Equal(0, probes[0].Divergence, 1e-6);
        Assert.InRange(probes[0].Targets, 5, 60);
        Assert.True(probes[^1].Divergence > 0);
        Assert.All(History("none").Evaluations, evaluation => Assert.Null(evaluation.Probe));
    }

    private RunResult Train(string name, TrainingOptions options)
    {
        using var run = new TrainingRun(_folder[name], _model, _data, options);
        return run.Train(null, TestContext.Current.CancellationToken);
    }

    private static TrainingOptions Options(int steps, double rate)
    {
        var options = TrainedModel.Options(steps);
        return options with
        {
            Optimization = options.Optimization with { LearningRate = rate },
            Evaluation = options.Evaluation with { SampleCount = 0, EvalSteps = 2 },
        };
    }

    private RunHistory History(string run) => RunHistory.Read(_folder[$"{run}/metrics.jsonl"]);
}
