using Lorikeet.Formats.Options;
using Lorikeet.Models.Native;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Where a model computes, and in which type: the same for training and for answering.</summary>
public abstract record ComputeOptions
{
    /// <summary>Type the model computes in; trained weights stay float32.</summary>
    /// <value>
    /// auto. float32 for a float32 checkpoint; else bfloat16 where the hardware multiplies it natively (five times
    /// float32 on such CPUs), and where generate and chat answer up to 8 prompts, which read the weights more than they
    /// multiply; else float32.
    /// </value>
    [Option("torch_dtype")]
    public ComputeType TorchDtype { get; init; } = ComputeType.Auto;

    /// <summary>Type the rotary frequencies are rounded to: float32, or bfloat16 to match a converted model.</summary>
    /// <value>float32, as from_pretrained keeps them; <c>model.to(torch.bfloat16)</c> rounds them.</value>
    [Option("rope_inv_freq_dtype")]
    public ComputeType RotaryType { get; init; } = ComputeType.Float32;

    /// <summary>Which of transformers' attentions to compute: sdpa, or eager, which can cap scores.</summary>
    /// <value>
    /// sdpa, its default. They differ for Gemma 2, whose config.json asks for a cap that sdpa leaves out; its authors
    /// and llama.cpp apply it, as eager does.
    /// </value>
    [Option("attn_implementation")]
    public AttentionImplementation AttentionImplementation { get; init; }

    /// <summary>Where to compute: auto, cpu, cuda or cuda:N.</summary>
    /// <value>auto. The first CUDA device when libtorch has CUDA and a device answers, else the CPU.</value>
    [Option("device")]
    public string Device { get; init; } = "auto";

    /// <summary>
    /// Folder of a libtorch 2.10 or later to use, such as site-packages/torch/lib of a Python install.
    /// </summary>
    /// <value>Not set: LORIKEET_LIBTORCH, then the CPU build that NuGet restored.</value>
    [Option("libtorch", Placeholder = "DIR")]
    public string? LibTorch { get; init; }
}
