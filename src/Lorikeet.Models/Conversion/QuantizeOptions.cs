using Lorikeet.Formats.Options;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Conversion;

/// <summary>Options of <c>quantize</c>.</summary>
public sealed record QuantizeOptions
{
    /// <summary>The model, and where its quantized form goes.</summary>
    public QuantizeSourceOptions Checkpoint { get; init; } = new();

    /// <summary>The form: 4 bits unless <c>load_in_8bit</c> is said.</summary>
    public QuantizationOptions Quantization { get; init; } = new();
}

/// <summary>The model, and where its quantized form goes.</summary>
public sealed record QuantizeSourceOptions
{
    /// <summary>Model: a folder in Hugging Face format, a GGUF file, or a hub id.</summary>
    /// <value>Required.</value>
    [Option("model", Placeholder = "DIR|ID", Input = "the model")]
    public string Model { get; init; } = "";

    /// <summary>Branch, tag or commit of a hub model.</summary>
    /// <value>Not set: the repository's main branch.</value>
    [Option("revision")]
    public string? Revision { get; init; }

    /// <summary>Folder of the quantized model.</summary>
    /// <value>Required.</value>
    [Option("output", "output_dir", "save_directory", Placeholder = "DIR", Output = OutputKind.NewFolder,
        Apart = "a folder is written")]
    public string Output { get; init; } = "";

    /// <summary>Type of what is not quantized; weights are rounded to it before they are.</summary>
    /// <value>Auto: the type the model is stored in.</value>
    [Option("dtype")]
    public ComputeType Type { get; init; } = ComputeType.Auto;

    /// <summary>Largest file of weights.</summary>
    /// <value>5GB, as transformers writes them.</value>
    [Option("max_shard_size")]
    public string MaxShardSize { get; init; } = "5GB";

    /// <summary>Replace what is in the output folder.</summary>
    /// <value>Off: a model is not deleted by a repeated command.</value>
    [Option("overwrite_output_dir")]
    public bool Overwrite { get; init; }

    /// <summary>
    /// Folder of a libtorch 2.10 or later to use, such as site-packages/torch/lib of a Python install.
    /// </summary>
    /// <value>Not set: LORIKEET_LIBTORCH, then the CPU build that NuGet restored.</value>
    [Option("libtorch", Placeholder = "DIR")]
    public string? LibTorch { get; init; }
}
