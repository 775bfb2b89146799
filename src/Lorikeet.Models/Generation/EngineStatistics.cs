namespace Lorikeet.Models.Generation;

/// <summary>What a <see cref="DecodingEngine"/> does and has done.</summary>
public sealed record EngineStatistics
{
    /// <summary>Sequences that are read or decoded.</summary>
    public int Running { get; init; }

    /// <summary>Requests that wait for room.</summary>
    public int Queued { get; init; }

    /// <summary>Blocks of the cache that sequences hold.</summary>
    public int BlocksUsed { get; init; }

    /// <summary>Blocks that no sequence holds, kept for prompts that begin as they do.</summary>
    public int BlocksKept { get; init; }

    /// <summary>Blocks in all; each holds the keys and values of 16 tokens.</summary>
    public int Blocks { get; init; }

    /// <summary>Most tokens of a prompt and its answer together.</summary>
    public int MaxLength { get; init; }

    /// <summary>Most sequences that are decoded or wait at once; one more is refused.</summary>
    public int Capacity { get; init; }

    /// <summary>Steps so far.</summary>
    public long Steps { get; init; }

    /// <summary>Tokens read of prompts, those read again included.</summary>
    public long PromptTokens { get; init; }

    /// <summary>Tokens of prompts that were not read, as others had read them before.</summary>
    public long CachedTokens { get; init; }

    /// <summary>Tokens chosen.</summary>
    public long CompletionTokens { get; init; }

    /// <summary>Times that a sequence gave up its blocks for an older one, to be read again later.</summary>
    public long Preemptions { get; init; }
}
