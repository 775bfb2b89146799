using System.Globalization;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Decoding;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Generation;

/// <summary>How large a cache is and what is read at once: decided before anything is allocated.</summary>
/// <param name="Blocks">Blocks of the cache that sequences can hold.</param>
/// <param name="MaxLength">Most tokens of a sequence.</param>
/// <param name="MaxSequences">Most sequences at once.</param>
/// <param name="MaxStepTokens">Most tokens of a step; more than there are sequences.</param>
/// <param name="MaxQueue">Most requests that wait.</param>
/// <param name="SharesPrefixes">Whether sequences with the same beginning share blocks.</param>
/// <param name="ReadsWhole">
/// Whether a prompt is read at once and never again, because its length decides how it is rotated.
/// </param>
internal sealed record CachePlan(
    int Blocks, int MaxLength, int MaxSequences, int MaxStepTokens, int MaxQueue, bool SharesPrefixes, bool ReadsWhole)
{
    /// <summary>Most tokens of prompts that a step scores: so many logits take memory.</summary>
    public const int MostScored = 256;

    private const int StepTokensOnGpu = 2048;
    private const int StepTokensOnCpu = 128;
    private const int LongStepOnCpu = 512; // where no one waits for the next token
    private const long MostBytesOnCpu = 2L << 30; // unless options say otherwise: others use its memory too

    /// <summary>What a step reads at most.</summary>
    public BatchLimits Limits => new(MaxStepTokens, MaxSequences, MaxLength);

    /// <summary>The plan for a model that is loaded.</summary>
    /// <exception cref="ConfigurationException">The options contradict each other or the memory.</exception>
    public static CachePlan Of(DecoderModel model, EngineOptions options)
    {
        options.Validate();
        var config = model.Config;
        var length = options.MaxLength ?? config.MaxPositions;
        var blockBytes = BytesOfBlock(model);
        var wanted = (long)PagedCache.BlocksOf(length) * options.MaxSequences;
        var onCpu = model.Device.type == DeviceType.CPU;
        var steps = StepMemory.Of(
            model, new BatchLimits(StepTokens(options, onCpu), options.MaxSequences, length), MostScored);
        var free = Math.Max(0, FreeMemory.Of(model.Device) - steps);
        var bytes = options.CacheBytes
            ?? (onCpu ? Math.Min(MostBytesOnCpu, free / 2) : (long)(free * options.MemoryShare));
        var blocks = (int)Math.Min(Math.Min(wanted, bytes / blockBytes - 1), int.MaxValue / 2);

        var needed = options.MaxLength is null ? 1 : PagedCache.BlocksOf(length);
        if (blocks < needed || (needed + 1) * blockBytes > free)
            throw new ConfigurationException(string.Create(CultureInfo.InvariantCulture,
                $"Keys and values of one sequence of {needed * PagedCache.BlockTokens} tokens need ") +
                $"{Megabytes((needed + 1) * blockBytes)} MB, and kv_cache_memory_bytes or the free memory leave " +
                $"{Megabytes(Math.Min(bytes, free))} MB beside {Megabytes(steps)} MB for steps. Give a smaller " +
                "max_model_len, max_num_seqs or max_num_batched_tokens, or more memory.");
        return new CachePlan(
            blocks, (int)Math.Min(length, (long)blocks * PagedCache.BlockTokens), options.MaxSequences,
            StepTokens(options, onCpu), options.MaxQueue, options.PrefixCaching && !IsWhole(config), IsWhole(config));
    }

    /// <summary>The plan for rows that are known, and that nobody waits for one by one.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">The rows; at least one. The longest fits the memory.</param>
    /// <param name="most">Most rows at once.</param>
    public static CachePlan Of(DecoderModel model, IReadOnlyList<DecodingRow> rows, int most)
    {
        var count = Math.Min(most, rows.Count);
        var onCpu = model.Device.type == DeviceType.CPU;
        var tokens = (int)Math.Max(
            Math.Min(onCpu ? LongStepOnCpu : StepTokensOnGpu, rows.Sum(row => (long)row.PromptLength)), count + 1);
        var length = rows.Max(row => row.Capacity);
        var steps = StepMemory.Of(model, new BatchLimits(tokens, count, length), scored: 0);
        var bytes = onCpu ? MostBytesOnCpu : Math.Max(0, FreeMemory.Of(model.Device) - steps) / 2;
        int[] blocks = [.. rows.Select(row => PagedCache.BlocksOf(row.Capacity)).OrderDescending()];
        var affordable = Math.Max(blocks[0], bytes / BytesOfBlock(model) - 1);
        return new CachePlan(
            (int)Math.Min(affordable, blocks.Take(count).Sum()), length, count, tokens, MaxQueue: 0,
            SharesPrefixes: !IsWhole(model.Config), IsWhole(model.Config));
    }

    /// <summary>Every sequence decodes a token in each step, and beside them some of a prompt must be read.</summary>
    private static int StepTokens(EngineOptions options, bool onCpu)
    {
        var least = options.MaxSequences + 1;
        if (options.MaxStepTokens is { } given && given < least)
            throw new ConfigurationException(
                $"max_num_batched_tokens is {given}, and max_num_seqs is {options.MaxSequences}. A step decodes one "
                + $"token of each sequence and reads prompts beside them: give at least {least}, or fewer sequences.");
        return options.MaxStepTokens
            ?? Math.Max(onCpu ? StepTokensOnCpu : StepTokensOnGpu, options.MaxSequences + PagedCache.BlockTokens);
    }

    private static long BytesOfBlock(DecoderModel model) =>
        PagedCache.BytesOfBlock(model.Config, model.ComputeType == ScalarType.Float32 ? 4 : 2);

    private static bool IsWhole(ModelConfig config) => config.Rope.DependsOnLength;

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString("N1", CultureInfo.InvariantCulture);
}
