using Lorikeet.Models.Native;
using Lorikeet.Training;
using Lorikeet.Training.Rollouts;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Rollouts;

public sealed class PolicyLossTests
{
    /// <summary>The formula as TRL writes it in torch, with autograd.</summary>
    [Theory]
    [InlineData(0, 0.2, 0.2)]
    [InlineData(0.04, 0.2, 0.28)]
    [InlineData(1.5, 0.1, 0.1)]
    public void Derivative_IsThatOfAutograd(double beta, double low, double high)
    {
        var loss = new PolicyLoss(low, high, beta);
        using var scope = NewDisposeScope();
        foreach (var (advantage, now, before, reference) in
            from advantage in new[] { -1.3, 0, 0.7 }
            from now in new[] { -3.1, -2.0, -1.95, -0.4 }
            from reference in new[] { -2.5, -0.2 }
            select (advantage, now, -2.0, reference))
        {
            var value = tensor(now, dtype: ScalarType.Float64).requires_grad_();
            var ratio = exp(value.Plus(-before));
            var clipped = minimum(maximum(ratio, Number(1 - low)), Number(1 + high));
            var distance = (-value).Plus(reference);
            var expected = (-minimum(ratio.Times(advantage), clipped.Times(advantage)))
                .Plus((exp(distance) - distance).Plus(-1), beta);
            expected.backward();

            var actual = loss.Of(now, before, reference, advantage);

            Assert.Equal(expected.item<double>(), actual.Value, 12);
            Assert.Equal(value.grad!.item<double>(), actual.Derivative, 12);
        }
    }

    private static Tensor Number(double value) => tensor(value, dtype: ScalarType.Float64);

    [Fact]
    public void Weights_AreThoseOfThePapers()
    {
        Assert.Equal([0.25, 0.125], PolicyLoss.Weights(PolicyWeighting.Answer, [2, 4], 16));
        Assert.Equal([1.0 / 6, 1.0 / 6], PolicyLoss.Weights(PolicyWeighting.Token, [2, 4], 16));
        Assert.Equal([1.0 / 32, 1.0 / 32], PolicyLoss.Weights(PolicyWeighting.Constant, [2, 4], 16));
    }

    [Fact]
    public void Advantages_AreDistancesFromTheGroup()
    {
        double[][] groups = [[3, 1, 1, 1], [0.5, 0.5, 0.5, 0.5]];

        var group = new GroupAdvantages(groups, RewardScaling.Group);
        var none = new GroupAdvantages(groups, RewardScaling.None);
        var batch = new GroupAdvantages(groups, RewardScaling.Batch);

        Assert.Equal(1.5 / 1.0001, group.Values[0][0], 12);
        Assert.Equal(-0.5 / 1.0001, group.Values[0][3], 12);
        Assert.Equal([0, 0, 0, 0], group.Values[1]);
        Assert.Equal([1.5, -0.5, -0.5, -0.5], none.Values[0]);
        Assert.Equal(1.5 / (batch.Spread + 1e-4), batch.Values[0][0], 12);
        Assert.Equal((1.0, 0.5, 0.5), (group.MeanReward, group.Spread, group.ShareWithoutSpread));
    }

    [Fact]
    public void Step_ClipsAndMasksAnswerByAnswer()
    {
        var options = new RewardOptions { MaskTruncated = true, ScaleRewards = RewardScaling.None };
        var group = new RolloutGroup(
            [5], [new([1, 2], 2), new([3], 0), new([4], 1) { IsTruncated = true }]);
        var round = new RolloutRound(0, [group], options);
        var loss = new PolicyLoss(0.2, 0.2, 0);

        // The first step notes what was: every ratio is 1, so a token's derivative is its advantage by its weight.
        var first = new PolicyStep(round, loss, PolicyWeighting.Token, 16);
        Assert.Equal([-0.25f, -0.25f], first.Add([0], [-1, -2]));
        Assert.Equal([0.25f, 0], first.Add([1, 2], [-1, -2]));

        // Then a token of the good answer has risen too far, and one of the bad answer fallen too far.
        var second = new PolicyStep(round, loss, PolicyWeighting.Token, 16);
        Assert.Equal([0, -0.25f], second.Add([0], [-0.5f, -2]));
        Assert.Equal([0, 0], second.Add([1, 2], [-2, -2]));
        var metrics = second.Metrics.ToDictionary();
        Assert.Equal((1.0 / 3, 1.0 / 3), (metrics["clip_ratio/low_mean"], metrics["clip_ratio/high_mean"]));
    }
}
