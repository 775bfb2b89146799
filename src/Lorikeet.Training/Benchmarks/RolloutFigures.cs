namespace Lorikeet.Training.Benchmarks;

/// <summary>What a step of learning from rewards takes; times are medians.</summary>
public sealed record RolloutFigures
{
    /// <summary>Where it was measured.</summary>
    public required string Device { get; init; }

    /// <summary>Rank of the adapter.</summary>
    public required int Rank { get; init; }

    /// <summary>Seconds that the answers of a step take to be drawn.</summary>
    public required double GenerationSeconds { get; init; }

    /// <summary>Seconds that they take to be rewarded and compared.</summary>
    public required double ScoringSeconds { get; init; }

    /// <summary>Seconds that forward and backward pass and the update take.</summary>
    public required double TrainingSeconds { get; init; }

    /// <summary>Seconds of a whole step.</summary>
    public required double StepSeconds { get; init; }

    /// <summary>Tokens of the answers of a step.</summary>
    public required int AnswerTokens { get; init; }

    /// <summary>Bytes of the weights.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Most bytes that were in use.</summary>
    public required long PeakBytes { get; init; }
}
