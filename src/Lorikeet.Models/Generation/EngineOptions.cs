using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Generation;

/// <summary>How many sequences a <see cref="DecodingEngine"/> decodes at once, and in how much memory.</summary>
/// <remarks>Names are vLLM's, whose users know them.</remarks>
public sealed record EngineOptions
{
    /// <summary>Most sequences that are decoded at once; more wait.</summary>
    /// <value>64: enough to keep any device busy.</value>
    [Option("max_num_seqs", Minimum = 1, Maximum = 4096)]
    public int MaxSequences { get; init; } = 64;

    /// <summary>Most tokens of one step, those of prompts included: a longer prompt is read in parts.</summary>
    /// <value>Not set: 2048; on the CPU 128, so that no step lasts long.</value>
    [Option("max_num_batched_tokens", Minimum = 1, Maximum = 1 << 20)]
    public int? MaxStepTokens { get; init; }

    /// <summary>Most tokens of a prompt and its answer together.</summary>
    /// <value>Not set: the positions of the model, or what the memory holds.</value>
    [Option("max_model_len", Minimum = 1, Maximum = GenerationOptions.MostNewTokens)]
    public int? MaxLength { get; init; }

    /// <summary>Bytes of keys and values of all sequences.</summary>
    /// <value>Not set: what as many sequences of the greatest length take, if the memory has it.</value>
    [Option("kv_cache_memory_bytes", Minimum = 1)]
    public long? CacheBytes { get; init; }

    /// <summary>Share of the memory that the model left on a GPU, which keys and values may take.</summary>
    /// <value>
    /// 0.9: a step needs some too. On the CPU, whose memory others use too, 2 GiB or half of what is free.
    /// </value>
    [Option("gpu_memory_utilization", Above = 0, Maximum = 1)]
    public double MemoryShare { get; init; } = 0.9;

    /// <summary>Keep what was read of prompts for others that begin the same.</summary>
    /// <value>On: their tokens are not read again.</value>
    [Option("enable_prefix_caching")]
    public bool PrefixCaching { get; init; } = true;

    /// <summary>Most requests that wait; one more is refused.</summary>
    /// <value>1024.</value>
    [Option("max_queue", Minimum = 0, Maximum = 1 << 20)]
    public int MaxQueue { get; init; } = 1024;

    /// <summary>Checks ranges, naming options as users write them.</summary>
    /// <exception cref="ConfigurationException">An option is out of range.</exception>
    public void Validate()
    {
        Require(MaxSequences is >= 1 and <= 4096, "max_num_seqs", MaxSequences, "from 1 to 4096");
        Require(MaxStepTokens is null or >= 1 and <= 1 << 20, "max_num_batched_tokens", MaxStepTokens,
            $"from 1 to {1 << 20}");
        Require(MaxLength is null or >= 1 and <= GenerationOptions.MostNewTokens, "max_model_len", MaxLength,
            $"from 1 to {GenerationOptions.MostNewTokens}");
        Require(CacheBytes is null or >= 1, "kv_cache_memory_bytes", CacheBytes, "1 or more");
        Require(MemoryShare is > 0 and <= 1, "gpu_memory_utilization", MemoryShare, "above 0 and at most 1");
        Require(MaxQueue is >= 0 and <= 1 << 20, "max_queue", MaxQueue, $"from 0 to {1 << 20}");
    }

    private static void Require(bool holds, string name, object? value, string expected)
    {
        if (!holds)
            throw new ConfigurationException($"{name} is {value}. It must be {expected}.");
    }
}
