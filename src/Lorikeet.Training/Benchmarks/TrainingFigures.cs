namespace Lorikeet.Training.Benchmarks;

/// <summary>
/// What <see cref="TrainingBenchmark"/> measured. On a CPU every memory figure is the process's peak so far.
/// </summary>
public sealed record TrainingFigures
{
    /// <summary>The device's name.</summary>
    public required string Device { get; init; }

    /// <summary>Rank of the adapters.</summary>
    public required int Rank { get; init; }

    /// <summary>Processes that took the steps together, each on a device of its own; memory is that of one.</summary>
    public int Processes { get; init; } = 1;

    /// <summary>Adapters that were trained together, each with rows of its own.</summary>
    public int Adapters { get; init; } = 1;

    /// <summary>Layers that the backward pass recomputed; null for the reference.</summary>
    public required int? RecomputedLayers { get; init; }

    /// <summary>Tokens a second of the median step, of all processes.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>Seconds of the median step: forward, backward and update.</summary>
    public required double StepSeconds { get; init; }

    /// <summary>Bytes in use once the base model was there.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bytes in use with adapters, gradients and the optimizer's state.</summary>
    public required long BytesWithAdapters { get; init; }

    /// <summary>Most bytes in use at once, as planned before the model was there.</summary>
    public required long PlannedBytes { get; init; }

    /// <summary>Most bytes in use at once.</summary>
    public required long PeakBytes { get; init; }

    /// <summary>Most bytes that the allocator held.</summary>
    public required long PeakReservedBytes { get; init; }

    /// <summary>Mean loss of the predicted tokens in the first step, in nats.</summary>
    public required double FirstLoss { get; init; }

    /// <summary>The same of the last step.</summary>
    public required double LastLoss { get; init; }

    /// <summary>Global norm of the last step's gradient, before clipping.</summary>
    public required double GradientNorm { get; init; }

    /// <summary>Floating-point operations a second of large GEMMs, measured before.</summary>
    public required double GemmRate { get; init; }

    /// <summary>Floating-point operations a second that the steps did at least, on each device.</summary>
    public required double WorkRate { get; init; }
}
