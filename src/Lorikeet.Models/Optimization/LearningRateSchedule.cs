namespace Lorikeet.Models.Optimization;

/// <summary>The learning rate as a pure function of the step.</summary>
/// <param name="options">Rate, kind of schedule and warm-up.</param>
/// <param name="totalSteps">Optimizer steps of the whole run.</param>
/// <remarks>
/// Reference: transformers <c>optimization.py</c>; step 0 is the first, and with warm-up its rate is 0.
/// </remarks>
public sealed class LearningRateSchedule(OptimizationOptions options, int totalSteps)
{
    private readonly int _warmup = WarmupSteps(options, totalSteps);

    /// <summary>Steps of warm-up: given, or the ratio of all steps rounded up.</summary>
    /// <param name="options">warmup_steps and warmup_ratio.</param>
    /// <param name="totalSteps">Optimizer steps of the whole run.</param>
    public static int WarmupSteps(OptimizationOptions options, int totalSteps) =>
        options.WarmupSteps ?? (int)Math.Ceiling(totalSteps * options.WarmupRatio);

    /// <summary>The rate used at <paramref name="step"/>, counted from 0.</summary>
    /// <param name="step">Optimizer steps before this one.</param>
    public double At(int step) => options.LearningRate * Factor(step);

    private double Factor(int step)
    {
        if (options.Scheduler == SchedulerKind.Constant)
            return 1; // ignores warm-up, as transformers does
        if (step < _warmup)
            return (double)step / _warmup * (1 - Floor()) + Floor();
        return options.Scheduler switch
        {
            SchedulerKind.ConstantWithWarmup => 1,
            SchedulerKind.Linear => Math.Max(0, (double)(totalSteps - step) / Math.Max(1, totalSteps - _warmup)),
            SchedulerKind.Cosine => HalfCosine(Progress(step), 0),
            SchedulerKind.CosineWithRestarts => Restarts(Progress(step)),
            SchedulerKind.CosineWithMinimum => HalfCosine(Progress(step), MinimumShare()),
            SchedulerKind.Polynomial => Polynomial(step),
            SchedulerKind.InverseSquareRoot => InverseSquareRoot(step),
            SchedulerKind.WarmupStableDecay => StableThenDecay(step),
            _ => throw new ArgumentOutOfRangeException(nameof(step), options.Scheduler, "Unknown schedule."),
        };
    }

    /// <summary>0 after the warm-up, 1 at the end.</summary>
    private double Progress(int step) => (double)(step - _warmup) / Math.Max(1, totalSteps - _warmup);

    /// <summary>
    /// From 1 to <paramref name="end"/> along num_cycles periods of a cosine, half of one by default.
    /// </summary>
    private double HalfCosine(double progress, double end)
    {
        var factor = 0.5 * (1 + Math.Cos(Math.PI * Argument("num_cycles", 0.5) * 2 * progress));
        return Math.Max(0, factor * (1 - end) + end);
    }

    private double Restarts(double progress) =>
        progress >= 1 ? 0 : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * (Argument("num_cycles", 1) * progress % 1))));

    private double Polynomial(int step)
    {
        var (start, end) = (options.LearningRate, Argument("lr_end", 1e-7));
        if (step > totalSteps)
            return end / start;
        return ((start - end) * Math.Pow(1 - Progress(step), Argument("power", 1)) + end) / start;
    }

    private double InverseSquareRoot(int step)
    {
        var timescale = Argument("timescale", _warmup > 0 ? _warmup : 10_000);
        return 1 / Math.Sqrt((step + (timescale - _warmup)) / timescale);
    }

    private double StableThenDecay(int step)
    {
        var decay = Argument("num_decay_steps", 0);
        var decayed = step - (totalSteps - decay);
        if (decayed < 0)
            return 1;
        return decayed < decay ? HalfCosine(decayed / Math.Max(1, decay), Floor()) : Floor();
    }

    private double MinimumShare() => Argument("min_lr_rate", Argument("min_lr", 0) / options.LearningRate);

    /// <summary>What warm-up begins at and decay ends at, where the schedule has such a share.</summary>
    private double Floor() => options.Scheduler == SchedulerKind.WarmupStableDecay ? Argument("min_lr_ratio", 0) : 0;

    private double Argument(string name, double otherwise) =>
        options.SchedulerArguments.TryGetValue(name, out var value) ? value : otherwise;
}
