using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;

namespace Lorikeet.Tests.Library;

/// <summary>Several runs on one loaded model.</summary>
public sealed class SweepTests : IDisposable
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

    [Theory]
    [InlineData(SweepMode.Together)]
    [InlineData(SweepMode.InTurn)]
    public void Runs_AreThoseThatEachWouldBeAlone(SweepMode mode)
    {
        (string Name, int Rank, double Rate, int Steps)[] runs =
            [("a", 4, 5e-3, 4), ("b", 8, 1e-3, 3), ("c", 2, 2e-2, 5)];
        using var sweep = new Sweep(_folder["sweep"], _model, [.. runs.Select(run =>
            (run.Name, _data, Options(run.Rank, run.Rate, run.Steps, mode)))]);
        var result = sweep.Train(cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(mode == SweepMode.Together, result.IsTogether);
        foreach (var (name, rank, rate, steps) in runs)
        {
            using var alone = new TrainingRun(
                _folder[$"alone-{name}"], _model, _data, Options(rank, rate, steps, mode));
            alone.Train(null, TestContext.Current.CancellationToken);
            var (expected, actual) = (History($"alone-{name}"), History($"sweep/{name}"));
            Assert.Equal(steps, actual.Steps.Count);
            foreach (var (own, shared) in expected.Steps.Zip(actual.Steps))
            {
                Assert.Equal(own.Loss, shared.Loss, 1e-5 * own.Loss);
                Assert.Equal(own.LearningRate, shared.LearningRate);
            }

            foreach (var (own, shared) in expected.Evaluations.Zip(actual.Evaluations))
                Assert.Equal(own.Loss, shared.Loss, 1e-5 * own.Loss);
        }

        var best = result.Runs.MinBy(run => run.Result!.Evaluation!.Loss)!;
        Assert.Equal(best.Name, result.Best!.Name);
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(best.Result!.Output, "adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(result.Output!, "adapter_model.safetensors")));
        Assert.All(["sweep.md", "sweep.html"], file => Assert.Contains(
            $"★ {best.Name}", File.ReadAllText(_folder[$"sweep/{file}"]), StringComparison.Ordinal));
    }

    [Fact]
    public void RunThatBreaks_DoesNotEndTheOthers()
    {
        using var sweep = new Sweep(
            _folder["sweep"], _model,
            [("sound", _data, Options(4, 1e-3, 3)), ("broken", _data, Options(4, 1e30, 3))]);
        var result = sweep.Train(cancellation: TestContext.Current.CancellationToken);

        Assert.Equal("sound", result.Best!.Name);
        Assert.Equal(3, result.Best.Result!.Training.Steps);
        Assert.Contains("finite", result.Runs[1].Failure!, StringComparison.Ordinal);
    }

    private static TrainingOptions Options(int rank, double rate, int steps, SweepMode mode = SweepMode.Auto)
    {
        var options = TrainedModel.Options(steps);
        return options with
        {
            Lora = options.Lora with { Rank = rank },
            Optimization = options.Optimization with { LearningRate = rate },
            Evaluation = options.Evaluation with { SampleCount = 0, EvalSteps = 2 },
            Output = options.Output with { SweepMode = mode },
        };
    }

    private RunHistory History(string run) => RunHistory.Read(_folder[$"{run}/metrics.jsonl"]);
}
