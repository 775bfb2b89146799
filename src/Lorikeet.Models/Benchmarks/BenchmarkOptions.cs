using Lorikeet.Formats.Options;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;

namespace Lorikeet.Models.Benchmarks;

/// <summary>The model, the rows, and how it is loaded, trained or decoded.</summary>
public sealed record BenchmarkOptions
{
    /// <summary>Shape of the model, by the name of one that has it.</summary>
    /// <value>tinyllama-1.1b. The smallest that people fine-tune in earnest.</value>
    [Option("shape")]
    public string Shape { get; init; } = "tinyllama-1.1b";

    /// <summary>Model to load: a folder, a GGUF file or a hub id; load only.</summary>
    /// <value>Not set: random weights of the shape are written to the temporary folder, and deleted afterwards.</value>
    [Option("model", Placeholder = "DIR")]
    public string? Model { get; init; }

    /// <summary>Times to load; load only.</summary>
    /// <value>3. Enough for a median.</value>
    [Option("repeat", Minimum = 1)]
    public int Repeat { get; init; } = 3;

    /// <summary>
    /// How projections are stored: none (the compute type), nf4 or fp4, both with double quantization, or fp8, in which
    /// they are multiplied too.
    /// </summary>
    /// <value>none. As they are in LoRA; nf4 is QLoRA.</value>
    [Option("quant")]
    public string Quantization { get; init; } = "none";

    /// <summary>
    /// Where adapters are: all linear layers, or queries and values (qv); full trains the weights themselves.
    /// </summary>
    /// <value>all. As train has it.</value>
    [Option("targets")]
    public string Targets { get; init; } = "all";

    /// <summary>Rank of the adapters; 0 for none when decoding.</summary>
    /// <value>Not set: 16 in training, as train has it, and no adapter when decoding.</value>
    [Option("rank", Minimum = 0)]
    public int? Rank { get; init; }

    /// <summary>Dropout on the adapters' inputs.</summary>
    /// <value>0: none.</value>
    [Option("dropout", Minimum = 0, Below = 1)]
    public double Dropout { get; init; }

    /// <summary>Rows of a batch.</summary>
    /// <value>4. As in the published tables.</value>
    [Option("batch", Minimum = 1)]
    public int Batch { get; init; } = 4;

    /// <summary>Tokens of a row, all of them real.</summary>
    /// <value>256. Short enough for a CPU.</value>
    [Option("length", Minimum = 2)]
    public int Length { get; init; } = 256;

    /// <summary>
    /// Which layers are recomputed in the backward pass: false for none, true for all, auto for those memory has no
    /// room for.
    /// </summary>
    /// <value>false. The fastest where memory suffices.</value>
    [Option("checkpointing", "gradient_checkpointing", Bare = "true")]
    public Checkpointing Checkpointing { get; init; } = Checkpointing.None;

    /// <summary>Keep the inputs of recomputed layers in the host's memory.</summary>
    /// <value>Off.</value>
    [Option("activation_offloading")]
    public bool OffloadCheckpoints { get; init; }

    /// <summary>Layers whose frozen weights wait in the host's memory.</summary>
    /// <value>0: none.</value>
    [Option("offload_layers", Minimum = 0)]
    public int OffloadLayers { get; init; }

    /// <summary>Each rank of several holds a part of every layer's frozen weights.</summary>
    /// <value>Off: each rank holds all of them.</value>
    [Option("shard_base")]
    public bool ShardBase { get; init; }

    /// <summary>Processes that share each batch, every one with a part of its tokens.</summary>
    /// <value>1: each has batches of its own.</value>
    [Option("context_parallel_size", Minimum = 1)]
    public int ContextParallel { get; init; } = 1;

    /// <summary>Gigabytes (10^9 bytes) that a GPU is treated as having; the rest is occupied.</summary>
    /// <value>Not set: all of its memory.</value>
    [Option("memory_limit", Above = 0)]
    public double? MemoryLimit { get; init; }

    /// <summary>Steps to measure.</summary>
    /// <value>10. Enough for a median.</value>
    [Option("steps", Minimum = 1)]
    public int Steps { get; init; } = 10;

    /// <summary>Steps before those that are measured; train and grpo only.</summary>
    /// <value>2: buffers and compiled kernels are there then. For rows so long that a step takes minutes, 0.</value>
    [Option("warmup", Minimum = 0)]
    public int WarmUp { get; init; } = 2;

    /// <summary>
    /// Lengths of real rows in tokens, one a line of a text file, taken in order; those beyond <c>length</c> are cut.
    /// Train only.
    /// </summary>
    /// <value>Not set: all rows are as long as <c>length</c>.</value>
    [Option("lengths", Placeholder = "FILE")]
    public string? Lengths { get; init; }

    /// <summary>With <c>lengths</c>, a step takes as many rows as fill batch times length tokens; train only.</summary>
    /// <value>False: a step takes <c>batch</c> rows, however long.</value>
    [Option("packing")]
    public bool Packing { get; init; }

    /// <summary>
    /// Different adapters: those of the rows of a batch, which have them in turn, when decoding; in training, as many
    /// together, each with batch rows of its own.
    /// </summary>
    /// <value>Not set: one in training, and when decoding where a rank is given, else none.</value>
    [Option("adapters", Minimum = 0)]
    public int? Adapters { get; init; }

    /// <summary>Questions of a step; grpo only.</summary>
    /// <value>8.</value>
    [Option("prompts", Minimum = 1)]
    public int Prompts { get; init; } = 8;

    /// <summary>Answers to each question; grpo only.</summary>
    /// <value>8. As train has it.</value>
    [Option("generations", "num_generations", Minimum = 2)]
    public int Generations { get; init; } = 8;

    /// <summary>Tokens of each prompt that is read before new ones are decoded.</summary>
    /// <value>64. As in the published tables.</value>
    [Option("prompt", Minimum = 1, Apart = "tokens of a prompt, not its text")]
    public int PromptLength { get; init; } = 64;

    /// <summary>Most tokens of prompts that are read in a step; decode only.</summary>
    /// <value>Not set: 2048; on the CPU 128. As serve has it.</value>
    [Option("max_num_batched_tokens", Minimum = 1)]
    public int? MaxStepTokens { get; init; }

    /// <summary>Tokens to decode.</summary>
    /// <value>128. As in the published tables.</value>
    [Option("new", Minimum = 1)]
    public int NewTokens { get; init; } = 128;

    /// <summary>Use the optimized path; false: the reference.</summary>
    /// <value>On.</value>
    [Option("optimized")]
    public bool Optimized { get; init; } = true;

    /// <summary>Type of activations and GEMMs.</summary>
    /// <value>bfloat16. The fast one of every device that has it.</value>
    [Option("dtype")]
    public ComputeType Type { get; init; } = ComputeType.BFloat16;

    /// <summary>Where to compute: auto, cpu, cuda or cuda:N.</summary>
    /// <value>auto. CUDA where it works.</value>
    [Option("device")]
    public string Device { get; init; } = "auto";

    /// <summary>CPU threads to use.</summary>
    /// <value>Not set: all.</value>
    [Option("threads", Minimum = 1)]
    public int? Threads { get; init; }

    /// <summary>Folder of a libtorch 2.10 or later to use.</summary>
    /// <value>Not set: LORIKEET_LIBTORCH, then the CPU build that NuGet restored.</value>
    [Option("libtorch", Placeholder = "DIR")]
    public string? LibTorch { get; init; }
}
