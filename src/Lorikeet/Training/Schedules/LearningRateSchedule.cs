using Lorikeet.Options;

namespace Lorikeet.Training.Schedules;

/// <summary>The learning rate as a pure function of the step.</summary>
/// <remarks>Reference: transformers <c>optimization.py</c>; step 0 is the first, and with warm-up its rate is 0.</remarks>
internal sealed class LearningRateSchedule(OptimizationOptions options, int totalSteps)
{
    private readonly int _warmup = WarmupSteps(options, totalSteps);

    /// <summary>Steps of warm-up: given, or the ratio of all steps rounded up.</summary>
    public static int WarmupSteps(OptimizationOptions options, int totalSteps) =>
        options.WarmupSteps ?? (int)Math.Ceiling(totalSteps * options.WarmupRatio);

    /// <summary>The rate used at <paramref name="step"/>, counted from 0.</summary>
    public double At(int step) => options.LearningRate * Factor(step);

    private double Factor(int step)
    {
        if (options.Scheduler == SchedulerKind.Constant) return 1; // ignores warm-up, as transformers does
        if (step < _warmup) return (double)step / Math.Max(1, _warmup);
        return options.Scheduler switch
        {
            SchedulerKind.ConstantWithWarmup => 1,
            SchedulerKind.Linear => Math.Max(0, (double)(totalSteps - step) / Math.Max(1, totalSteps - _warmup)),
            SchedulerKind.Cosine => Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * Argument("num_cycles", 0.5) * 2 * Progress(step)))),
            SchedulerKind.CosineWithRestarts => Progress(step) >= 1 ? 0
                : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * (Argument("num_cycles", 1) * Progress(step) % 1)))),
            SchedulerKind.Polynomial => Polynomial(step),
            SchedulerKind.InverseSquareRoot => InverseSquareRoot(step),
            _ => throw new ArgumentOutOfRangeException(nameof(step), options.Scheduler, "Unknown schedule."),
        };
    }

    private double Progress(int step) => (double)(step - _warmup) / Math.Max(1, totalSteps - _warmup);

    private double Polynomial(int step)
    {
        var end = Argument("lr_end", 1e-7) / options.LearningRate;
        return step > totalSteps ? end : (1 - end) * Math.Pow(1 - Progress(step), Argument("power", 1)) + end;
    }

    private double InverseSquareRoot(int step)
    {
        var timescale = Argument("timescale", _warmup > 0 ? _warmup : 10_000);
        return 1 / Math.Sqrt((step + (timescale - _warmup)) / timescale);
    }

    private double Argument(string name, double otherwise) =>
        options.SchedulerArguments.TryGetValue(name, out var value) ? value : otherwise;
}
