namespace Lorikeet.Studio.Records;

/// <summary>One run of the history.</summary>
/// <param name="Name">Its name, that of its folder.</param>
public sealed record RunEntry(string Name)
{
    /// <summary>How it stands, as far as the history knows.</summary>
    public RunStatus Status { get; init; } = RunStatus.Interrupted;

    /// <summary>When the studio was asked for it; null for a run of the command line.</summary>
    public DateTimeOffset? Queued { get; init; }

    /// <summary>When its files changed last.</summary>
    public DateTimeOffset? Changed { get; init; }

    /// <summary>The fault that ended it, in words.</summary>
    public string? Fault { get; init; }

    /// <summary>Whether it goes on from its newest checkpoint, when its turn comes.</summary>
    public bool Resumes { get; init; }

    /// <summary>Bytes of its metrics.jsonl when the figures below were read.</summary>
    public long MetricsBytes { get; init; } = -1;

    /// <summary>The base.</summary>
    public string? Model { get; init; }

    /// <summary>The data, joined by commas.</summary>
    public string? Data { get; init; }

    /// <summary>Steps done.</summary>
    public int Steps { get; init; }

    /// <summary>Mean loss of the newest steps.</summary>
    public double? Loss { get; init; }

    /// <summary>Newest held-out loss.</summary>
    public double? EvalLoss { get; init; }

    /// <summary>Held-out loss of the base.</summary>
    public double? BaseLoss { get; init; }

    /// <summary>Tokens read.</summary>
    public long Tokens { get; init; }
}
