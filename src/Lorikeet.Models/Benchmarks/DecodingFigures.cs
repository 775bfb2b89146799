namespace Lorikeet.Models.Benchmarks;

/// <summary>What <see cref="DecodingBenchmark"/> measured.</summary>
public sealed record DecodingFigures
{
    /// <summary>The device's name.</summary>
    public required string Device { get; init; }

    /// <summary>Whether the optimized path ran.</summary>
    public required bool IsOptimized { get; init; }

    /// <summary>Why the reference ran instead; null where the optimized path did.</summary>
    public required string? ReferenceBecause { get; init; }

    /// <summary>Tokens of prompts a second that were read before the first new one.</summary>
    public required double PromptTokensPerSecond { get; init; }

    /// <summary>New tokens a second, over all rows.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>Seconds of a step, which adds one token to every row: the mean.</summary>
    public required double StepSeconds { get; init; }

    /// <summary>Seconds of a step: the median.</summary>
    public required double MedianStepSeconds { get; init; }

    /// <summary>Seconds of the fastest step.</summary>
    public required double FastestStepSeconds { get; init; }

    /// <summary>
    /// Bytes that a step cannot do without reading: weights, factors, and half of the keys and values to come.
    /// </summary>
    public required double StepBytes { get; init; }

    /// <summary>Bytes a second that a copy reads and writes.</summary>
    public required double CopyRate { get; init; }

    /// <summary>Bytes a second that all threads of a CPU read together; null for a GPU.</summary>
    public required double? ReadRate { get; init; }
}
