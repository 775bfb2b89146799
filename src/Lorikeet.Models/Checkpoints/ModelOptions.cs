using Lorikeet.Formats.Options;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints;

/// <summary>The base model and where it computes.</summary>
public sealed record ModelOptions : ComputeOptions
{
    /// <summary>Base model: a folder in Hugging Face format, a GGUF file, or a hub id.</summary>
    /// <value>Required; no model suits every purpose.</value>
    [Option("model", Placeholder = "DIR|ID", Input = "the model")]
    public string Model { get; init; } = "";

    /// <summary>Branch, tag or commit of a hub model.</summary>
    /// <value>Not set: the repository's main branch. Name a commit to pin a run.</value>
    [Option("revision")]
    public string? Revision { get; init; }

    /// <summary>
    /// Whether it is loaded to answer a few prompts at a time: then bfloat16 is chosen on processors that read it
    /// faster.
    /// </summary>
    /// <value>No: it is loaded to be trained, or for many prompts.</value>
    public bool DecodesFewRows { get; init; }

    /// <summary>PEFT adapter to continue training from.</summary>
    /// <value>Not set: a new adapter, which starts as no change to the model.</value>
    [Option("adapter", Placeholder = "DIR|ID", Input = "the adapter")]
    public string? Adapter { get; init; }

    /// <summary>What trains: a LoRA adapter on a frozen base, or all weights of the model.</summary>
    /// <value>
    /// lora. An adapter needs a few percent of the memory and reaches the same quality on question answering.
    /// </value>
    [Option("finetuning_type", "fine_tune_type", "finetune_type")]
    public FineTuneMethod Method { get; init; } = FineTuneMethod.Lora;

    /// <summary>Layers whose frozen weights wait in the host's memory and come to the GPU for their turn.</summary>
    /// <value>0. None: a layer's weights cost their way over the bus two or three times a step.</value>
    [Option("offload_layers", Minimum = 0)]
    public int OffloadLayers { get; init; }

    /// <summary>
    /// Each rank of several holds a part of every layer's frozen weights, and they bring them together in turn.
    /// </summary>
    /// <value>Off: each rank holds all of them. For a model that fits nowhere whole.</value>
    [Option("shard_base")]
    public bool ShardBase { get; init; }
}
