using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Conversion;

/// <summary>Options of <c>export</c>.</summary>
public sealed record ExportOptions
{
    /// <summary>Base model: a folder in Hugging Face format, a GGUF file, or a hub id.</summary>
    /// <value>Not set: the base model that the adapter names.</value>
    [Option("model", Placeholder = "DIR|FILE|ID", Input = "the model")]
    public string Model { get; init; } = "";

    /// <summary>Branch, tag or commit of a hub model.</summary>
    /// <value>Not set: the repository's main branch.</value>
    [Option("revision")]
    public string? Revision { get; init; }

    /// <summary>PEFT adapter to merge into it, or to export by itself.</summary>
    /// <value>Not set: the model as it is.</value>
    [Option("adapter", Placeholder = "DIR|ID", Input = "the adapter")]
    public string? Adapter { get; init; }

    /// <summary>What to write: a file that ends in .gguf; for ollama, a folder.</summary>
    /// <value>Required.</value>
    [Option("output", "outfile", Placeholder = "FILE|DIR", Output = OutputKind.FileOrNewFolder,
        Apart = "the name of llama.cpp's converter")]
    public string Output { get; init; } = "";

    /// <summary>
    /// How weights are stored. Vectors stay F32, and the output of q4_0 and q4_k_m takes Q6_K, as in llama.cpp.
    /// </summary>
    /// <value>Auto: bf16 for a bfloat16 model, else f16; f32 for an adapter. These lose nothing that matters.</value>
    [Option("outtype", "quantization")]
    public GgufOutType OutType { get; init; }

    /// <summary>Export the adapter alone, to be used with a GGUF file of its base model.</summary>
    /// <value>Off: the merged model runs everywhere.</value>
    [Option("adapter_only")]
    public bool AdapterOnly { get; init; }

    /// <summary>Replace an output that exists.</summary>
    /// <value>Off: a model is not deleted by a repeated command.</value>
    [Option("overwrite", "overwrite_output_dir")]
    public bool Overwrite { get; init; }

    /// <summary>Where the check is computed: auto, cpu, cuda or cuda:N. The export itself needs no device.</summary>
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
