using System.Text.Json.Nodes;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Optimization;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Training.Schedules;

public class LearningRateScheduleTests
{
    private static readonly JsonNode s_golden = JsonNode.Parse(
        File.ReadAllText(TestAssets.Golden("lr_schedules.json")))!;

    public static TheoryData<string> Names() => [.. s_golden["schedules"]!.AsObject().Select(schedule => schedule.Key)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Rates_EqualTransformers(string name)
    {
        var kind = (SchedulerKind)WireNames.Find(typeof(SchedulerKind), name)!;
        var options = Options(kind) with { LearningRate = (double)s_golden["lr"]! };
        var schedule = new LearningRateSchedule(options, (int)s_golden["total_steps"]!);
        var expected = s_golden["schedules"]![name]!.AsArray();
        var difference = Enumerable.Range(0, expected.Count)
            .Max(step => Math.Abs((double)expected[step]! - schedule.At(step)));
        Assert.InRange(difference, 0, 1e-18);
        Compatibility.RecordNear(
            "Schedules", $"`{name}`: the rate of every step", "transformers 5.17.0", $"{expected.Count} steps",
            difference);
    }

    [Fact]
    public void CosineWithMinimum_EndsAtTheMinimum()
    {
        var byRate = Schedule(SchedulerKind.CosineWithMinimum, ("min_lr", 0.25));
        var byShare = Schedule(SchedulerKind.CosineWithMinimum, ("min_lr_rate", 0.125));
        Assert.Equal(2.0, byRate.At(7), 12);
        Assert.Equal((0.25 + 2) / 2, byRate.At(7 + 25), 12);
        Assert.Equal(0.25, byRate.At(57), 12);
        Assert.Equal(byRate.At(40), byShare.At(40), 12);
    }

    [Fact]
    public void WarmupStableDecay_HoldsThePeakAndThenDecays()
    {
        var schedule = Schedule(SchedulerKind.WarmupStableDecay, ("num_decay_steps", 20), ("min_lr_ratio", 0.1));
        Assert.Equal(2 * 0.1, schedule.At(0), 12);
        Assert.Equal(2 * (3.0 / 7 * 0.9 + 0.1), schedule.At(3), 12);
        Assert.All(Enumerable.Range(7, 31), step => Assert.Equal(2, schedule.At(step), 12));
        Assert.Equal(2 * (0.5 * 0.9 + 0.1), schedule.At(47), 12);
        Assert.Equal(2 * 0.1, schedule.At(57), 12);
        Assert.Equal(2 * 0.1, schedule.At(100), 12);
    }

    [Theory]
    [InlineData(0.03, null, 100, 3)]
    [InlineData(0.03, null, 101, 4)] // rounded up
    [InlineData(0.5, 0, 100, 0)] // warmup_steps overrides
    public void WarmupSteps_ComeFromStepsOrRatio(double ratio, int? steps, int total, int expected) => Assert.Equal(
        expected,
        LearningRateSchedule.WarmupSteps(new OptimizationOptions { WarmupRatio = ratio, WarmupSteps = steps }, total));

    private static LearningRateSchedule Schedule(SchedulerKind kind, params (string Name, double Value)[] arguments) =>
        new(
        Options(kind) with
        {
            LearningRate = 2,
            SchedulerArguments = arguments.ToDictionary(argument => argument.Name, argument => argument.Value),
        },
        57);

    private static OptimizationOptions Options(SchedulerKind kind) => new() { Scheduler = kind, WarmupSteps = 7 };
}
