using Lorikeet.Runs;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

public sealed class RunProgressTests
{
    private readonly RunProgress _progress = new();

    [Fact]
    public void BeforeTheFirstStep_NothingIsKnown()
    {
        _progress.Observe(new RunStarted(RecordedRun.Summary()));

        Assert.Null(_progress.SecondsLeft);
        Assert.Null(_progress.TokensPerSecond);
        Assert.Equal(0, _progress.Share);
    }

    [Fact]
    public void SteadySteps_LeaveTheRemainingStepsAtTheirPace()
    {
        Start();
        for (var step = 1; step <= 10; step++)
            Take(step, tokens: 500 * step, rate: 1000);

        Assert.Equal(30 * 0.5, _progress.SecondsLeft!.Value, 9);
        Assert.Equal(1000, _progress.TokensPerSecond!.Value, 9);
        Assert.Equal(0.25, _progress.Share);
    }

    [Fact]
    public void Speed_IsTokensOverTime_NotTheMeanOfTheRates()
    {
        Start();
        Take(1, tokens: 100, rate: 100); // one second
        Take(2, tokens: 1100, rate: 1000); // one second, after smoothing weighted 0.9 to 1

        Assert.Equal((0.09 * 100 + 0.1 * 1000) / 0.19, _progress.TokensPerSecond!.Value, 9);
    }

    [Fact]
    public void Evaluations_AreCountedIntoTheTimeLeft()
    {
        Start();
        for (var step = 1; step <= 20; step++)
            Take(step, tokens: 1000 * step, rate: 1000);
        _progress.Observe(new EvaluationCompleted(RecordedRun.Evaluation(20) with { Seconds = 10 }));

        Assert.Equal(20 * (1 + 10 / 20.0), _progress.SecondsLeft!.Value, 9);
    }

    [Fact]
    public void AResumedRun_CountsFromItsFirstStep()
    {
        _progress.Observe(new RunStarted(RecordedRun.Summary(firstStep: 20)));
        Assert.Equal(20, _progress.Step);

        Take(21, tokens: 1_000_000, rate: 1000); // most of these tokens were read before the resume
        Take(22, tokens: 1_002_000, rate: 1000);

        Assert.Equal(18 * 2, _progress.SecondsLeft!.Value, 9);
    }

    [Fact]
    public void ANotANumberLoss_DoesNotSpoilTheAverage()
    {
        Start();
        Take(1, 100, 100, loss: 2);
        Take(2, 200, 100, loss: double.NaN);

        Assert.Equal(2, _progress.Loss);
    }

    private void Start() => _progress.Observe(new RunStarted(RecordedRun.Summary()));

    private void Take(int step, long tokens, double rate, double loss = 1) => _progress.Observe(new StepCompleted(
        RecordedRun.Step(step) with { Tokens = tokens, TokensPerSecond = rate, Loss = loss }));
}
