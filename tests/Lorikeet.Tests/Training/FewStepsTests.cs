using Lorikeet.Jobs;
using Lorikeet.Models.Optimization;
using Lorikeet.Training;

namespace Lorikeet.Tests.Training;

public sealed class FewStepsTests
{
    private static readonly TrainingOptions s_options = new()
    {
        Optimization = new OptimizationOptions { BatchSize = 1, GradientAccumulation = 16, Epochs = 3 },
    };

    [Fact]
    public void FewSteps_AreNoted()
    {
        var note = FewSteps.Note(3, 12, s_options, 16)!;
        Assert.Contains("3 optimizer steps in all (12 rows, 16 to a step, num_train_epochs 3)", note);
        Assert.Contains("lower gradient_accumulation_steps (16 now)", note);
    }

    [Fact]
    public void EnoughSteps_AndStepsThatTheUserCounted_AreNot()
    {
        Assert.Null(FewSteps.Note(20, 320, s_options, 16));
        Assert.Null(
            FewSteps.Note(3, 12, s_options with { Optimization = s_options.Optimization with { MaxSteps = 3 } }, 16));
        Assert.Null(FewSteps.Note(1, 12, s_options with { Output = s_options.Output with { DryRun = true } }, 16));
    }
}
