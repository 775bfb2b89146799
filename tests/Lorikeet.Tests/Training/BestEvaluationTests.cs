using Lorikeet.Training;
using Lorikeet.Training.Loop;

namespace Lorikeet.Tests.Training;

public class BestEvaluationTests
{
    [Theory]
    [InlineData(BestMetric.Loss, 0, 2)] // the losses fall until then
    [InlineData(BestMetric.ExactMatch, 0, 3)] // more is better
    [InlineData(BestMetric.ExactMatch, 0.15, 1)] // not by enough
    [InlineData(BestMetric.F1, 0, 1)]
    public void BestStep_IsThatOfTheMetric(BestMetric metric, double threshold, int expected)
    {
        var options = new EvaluationOptions { MetricForBestModel = metric, EarlyStoppingThreshold = threshold };
        var position = Follow(options);

        Assert.Equal(expected, position.BestStep);
        Assert.Equal(4 - expected, position.EvaluationsWithoutImprovement);
        Assert.Equal(Evaluation(expected).Loss, position.BestEvalLoss);
    }

    [Fact]
    public void EvaluationThatForgetsTooMuch_IsNoneOfTheBest()
    {
        var options = new EvaluationOptions { MetricForBestModel = BestMetric.ExactMatch, MaxForgetting = 0.25 };

        Assert.False(BestEvaluation.Forgets(Evaluation(2), options));
        Assert.True(BestEvaluation.Forgets(Evaluation(3), options));
        Assert.Equal(2, Follow(options).BestStep);
    }

    [Fact]
    public void Best_IsLookedForAnew_WhenAnotherMetricDecides()
    {
        var byLoss = Follow(new EvaluationOptions());

        Assert.Equal(byLoss, BestEvaluation.By(byLoss, BestMetric.Loss));
        var byAnswers = BestEvaluation.By(byLoss, BestMetric.RougeL);
        Assert.Null(byAnswers.BestStep);
        Assert.Equal("rougeL", byAnswers.Metric);
        Assert.Equal(byAnswers, BestEvaluation.By(byAnswers, BestMetric.RougeL));
    }

    private static TrainingPosition Follow(EvaluationOptions options)
    {
        var position = BestEvaluation.By(new TrainingPosition(), options.BestMetric);
        for (var step = 1; step <= 4; step++)
            position = BestEvaluation.After(position, Evaluation(step), options);
        return position;
    }

    private static EvaluationMetrics Evaluation(int step)
    {
        double[] losses = [3, 2, 2.5, 2], matches = [0.5, 0.55, 0.6, 0.6];
        return new EvaluationMetrics(step, 0, losses[step - 1], 1, 1, 1, 1)
        {
            Answers = new AnswerMetrics(1, matches[step - 1], 1.0 / step, 0, 0),
            Probe = new ProbeMetrics(1, 1, step / 10.0, 1, 0),
        };
    }
}
