using Lorikeet.Formats.Options;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Conversion;

/// <summary>Options of <c>merge</c>.</summary>
public sealed record MergeOptions
{
    /// <summary>The base, the adapter, and where the sum goes.</summary>
    public MergeSourceOptions Merge { get; init; } = new();

    /// <summary>How the base was stored while the adapter trained; used with <c>merge_base dequantized</c>.</summary>
    public QuantizationOptions Quantization { get; init; } = new();
}

/// <summary>The base, the adapter, and where the sum goes.</summary>
public sealed record MergeSourceOptions
{
    /// <summary>Base model: a folder in Hugging Face format, a GGUF file, or a hub id.</summary>
    /// <value>Not set: the base model that the adapter names.</value>
    [Option("model", Placeholder = "DIR|ID", Input = "the model")]
    public string Model { get; init; } = "";

    /// <summary>Branch, tag or commit of a hub model.</summary>
    /// <value>Not set: the repository's main branch.</value>
    [Option("revision")]
    public string? Revision { get; init; }

    /// <summary>PEFT adapter to add to it.</summary>
    /// <value>Required.</value>
    [Option("adapter", Placeholder = "DIR", Input = "the adapter")]
    public string Adapter { get; init; } = "";

    /// <summary>Folder of the merged model.</summary>
    /// <value>Required.</value>
    [Option("output", "output_dir", "save_directory", Placeholder = "DIR", Output = OutputKind.NewFolder,
        Apart = "a folder is written")]
    public string Output { get; init; } = "";

    /// <summary>
    /// Which weights the adapter is added to: those of the base, or those base and quantization made of them.
    /// </summary>
    /// <value>
    /// Full. An adapter trained on a quantized base has seen dequantized weights, and fits those exactly.
    /// </value>
    [Option("merge_base")]
    public MergeBase Base { get; init; } = MergeBase.Full;

    /// <summary>Type of the merged weights.</summary>
    /// <value>Auto: each weight keeps the type it has in the base.</value>
    [Option("dtype", "save_dtype", Apart = "torch_dtype is what is computed in")]
    public ComputeType Type { get; init; } = ComputeType.Auto;

    /// <summary>
    /// The <c>torch_dtype</c> of the training run: what the base was rounded to before it was quantized.
    /// </summary>
    /// <value>Auto, as in training.</value>
    [Option("torch_dtype", Apart = "dtype is what is written")]
    public ComputeType TrainedType { get; init; } = ComputeType.Auto;

    /// <summary>Largest file of weights.</summary>
    /// <value>5GB, as transformers writes them.</value>
    [Option("max_shard_size")]
    public string MaxShardSize { get; init; } = "5GB";

    /// <summary>Replace what is in the output folder.</summary>
    /// <value>Off: a model is not deleted by a repeated command.</value>
    [Option("overwrite_output_dir")]
    public bool Overwrite { get; init; }

    /// <summary>Where the check is computed: auto, cpu, cuda or cuda:N. The merge itself needs no device.</summary>
    /// <value>The first CUDA device when libtorch has CUDA and a device answers, else the CPU.</value>
    [Option("device")]
    public string Device { get; init; } = "auto";

    /// <summary>
    /// Folder of a libtorch 2.10 or later to use, such as site-packages/torch/lib of a Python install.
    /// </summary>
    /// <value>Not set: LORIKEET_LIBTORCH, then the CPU build that NuGet restored.</value>
    [Option("libtorch", Placeholder = "DIR")]
    public string? LibTorch { get; init; }
}

/// <summary>Which weights an adapter is added to.</summary>
public enum MergeBase
{
    /// <summary>Those of the base as they are.</summary>
    Full,

    /// <summary>Those of the base quantized and dequantized, as QLoRA trained on them.</summary>
    Dequantized,
}
