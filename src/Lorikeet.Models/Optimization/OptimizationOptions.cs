using System.Text.Json.Serialization;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Passes;

namespace Lorikeet.Models.Optimization;

/// <summary>Optimization: batches, learning rate and its schedule, optimizer.</summary>
public sealed record OptimizationOptions
{
    /// <summary>Rows in one forward pass.</summary>
    /// <value>4. Fits a 7B model in 4 bits on 24 GB; raise it while memory allows.</value>
    [Option("per_device_train_batch_size", "batch_size", "train_batch_size", "per_gpu_train_batch_size", Minimum = 1)]
    public int BatchSize { get; init; } = 4;

    /// <summary>Rows in one forward pass of evaluation.</summary>
    /// <value>Not set: as many as in training.</value>
    [Option("per_device_eval_batch_size", "eval_batch_size", "per_gpu_eval_batch_size", Minimum = 1)]
    public int? EvalBatchSize { get; init; }

    /// <summary>Forward passes that make one optimizer step; the loss is weighted by tokens across them.</summary>
    /// <value>4. Four passes of four rows are the 16 rows a step of QLoRA.</value>
    [Option("gradient_accumulation_steps", "gradient_accumulation", "grad_accumulation_steps", Minimum = 1)]
    public int GradientAccumulation { get; init; } = 4;

    /// <summary>
    /// Divide the rows of a step into as few batches as memory has room for; the rows of a step stay the same.
    /// </summary>
    /// <value>Off, as in transformers: batch size and accumulation are as given.</value>
    [Option("auto_find_batch_size")]
    [JsonIgnore] // how a step is divided does not change it (RunFingerprint)
    public bool AutoFindBatchSize { get; init; }

    /// <summary>Peak learning rate.</summary>
    /// <value>0.0002. QLoRA's rate for 7B and 13B; adapters stand ten times the rate of full fine-tuning.</value>
    [Option("learning_rate", "lr", Minimum = 0)]
    public double LearningRate { get; init; } = 2e-4;

    /// <summary>How the rate changes over the run.</summary>
    /// <value>cosine. Ends at zero, so the last steps settle; no number of restarts or power to choose.</value>
    [Option("lr_scheduler_type", "lr_scheduler", "scheduler")]
    public SchedulerKind Scheduler { get; init; } = SchedulerKind.Cosine;

    /// <summary>
    /// Numbers a schedule takes, such as num_cycles, power, lr_end, timescale, min_lr, num_decay_steps.
    /// </summary>
    /// <value>None: each schedule's own defaults, as in transformers.</value>
    [Option("lr_scheduler_kwargs", Placeholder = "NAME=X")]
    public IReadOnlyDictionary<string, double> SchedulerArguments { get; init; } = new Dictionary<string, double>();

    /// <summary>Share of all steps over which the rate rises from zero; warmup_steps overrides it.</summary>
    /// <value>0.03. Three percent, as QLoRA: Adam's averages are noise in the first steps.</value>
    [Option("warmup_ratio", Minimum = 0, Maximum = 1)]
    public double WarmupRatio { get; init; } = 0.03;

    /// <summary>Steps over which the rate rises from zero; 0 is none at all.</summary>
    /// <value>Not set: warmup_ratio decides.</value>
    [Option("warmup_steps", Minimum = 0)]
    public int? WarmupSteps { get; init; }

    /// <summary>Optimizer steps of the whole run; overrides num_train_epochs.</summary>
    /// <value>Not set: num_train_epochs decides.</value>
    [Option("max_steps", Minimum = 1, Unset = "-1")]
    public int? MaxSteps { get; init; }

    /// <summary>Passes over the data; may be fractional.</summary>
    /// <value>3. Three, as in transformers: a few thousand rows need more than one pass; many more overfit.</value>
    [Option("num_train_epochs", "num_epochs", "epochs", Above = 0)]
    public double Epochs { get; init; } = 3;

    /// <summary>How many times the rate of lora_A lora_B learns at (LoRA+, arXiv 2402.12354).</summary>
    /// <value>Not set: one rate for all, as PEFT. LoRA+ suggests 16, with learning_rate lowered.</value>
    [Option("loraplus_lr_ratio", Above = 0)]
    public double? LoraPlusRatio { get; init; }

    /// <summary>With LoRA+, the learning rate of an adapter on the embedding.</summary>
    /// <value>Not set: that of lora_A, which PEFT's optimizer always uses, whatever is set.</value>
    [Option("loraplus_lr_embedding", Above = 0)]
    public double? LoraPlusEmbeddingRate { get; init; }

    /// <summary>Decoupled weight decay on trained matrices; biases and norms have none.</summary>
    /// <value>0. None, as in transformers: an adapter that starts at zero is held small already.</value>
    [Option("weight_decay", Minimum = 0)]
    public double WeightDecay { get; init; }

    /// <summary>Decay of the average of gradients.</summary>
    /// <value>0.9. Adam's own (arXiv 1412.6980).</value>
    [Option("adam_beta1", Minimum = 0, Below = 1)]
    public double AdamBeta1 { get; init; } = 0.9;

    /// <summary>Decay of the average of squared gradients.</summary>
    /// <value>0.999. Adam's own, and QLoRA's.</value>
    [Option("adam_beta2", Minimum = 0, Below = 1)]
    public double AdamBeta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the average of squares.</summary>
    /// <value>1e-08. Adam's own.</value>
    [Option("adam_epsilon", Minimum = 0)]
    public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>Global norm that gradients are clipped to; 0 turns clipping off.</summary>
    /// <value>1. Cuts off outliers only; QLoRA's 0.3 rescales nearly every step of a short answer.</value>
    [Option("max_grad_norm", Minimum = 0)]
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>Optimizer.</summary>
    /// <value>adamw_torch. An adapter's states are small; 8-bit ones pay off in full fine-tuning.</value>
    [Option("optim", "optimizer")]
    public OptimizerKind Optimizer { get; init; } = OptimizerKind.AdamW;

    /// <summary>What the summed loss of a step is divided by: targets, labels or batches.</summary>
    /// <value>targets. The predicted tokens. transformers since 4.46 counts labels, before it averaged batches.</value>
    [Option("loss_denominator")]
    public LossDenominator LossDenominator { get; init; } = LossDenominator.Targets;

    /// <summary>
    /// Compute layers again in the backward pass instead of keeping them: all, none, or those memory has no room for.
    /// </summary>
    /// <value>
    /// Auto: all layers again is a quarter of the memory for a third more time, so only as many as it takes.
    /// </value>
    [Option("gradient_checkpointing", Bare = "true")]
    public Checkpointing Checkpointing { get; init; } = Checkpointing.Auto;

    /// <summary>Keep the inputs of recomputed layers in the host's memory instead of the GPU's.</summary>
    /// <value>Off: the GPU holds them; they are what grows with batch and length under gradient checkpointing.</value>
    [Option("activation_offloading")]
    public bool OffloadCheckpoints { get; init; }

    /// <summary>Train with hand-written gradients and fused kernels; false: with the slower reference.</summary>
    /// <value>On; what it does not cover runs on the reference, and the run says so.</value>
    [Option("optimized")]
    public bool Optimized { get; init; } = true;

    /// <summary>Strength of the noise on embeddings in training (NEFTune, arXiv 2310.05914); 5 is usual.</summary>
    /// <value>Not set: none; it helps conversation more than short answers.</value>
    [Option("neftune_noise_alpha", Above = 0)]
    public double? NeftuneAlpha { get; init; }

    /// <summary>Seed of everything random: initial factors, order of rows, dropout, noise.</summary>
    /// <value>42. The default of transformers; every value, 0 included, gives a reproducible run.</value>
    [Option("seed", Minimum = 0)]
    public long Seed { get; init; } = 42;
}

/// <summary>Learning-rate schedules of transformers.</summary>
public enum SchedulerKind
{
    /// <summary>Down a straight line to zero.</summary>
    Linear,

    /// <summary>Down half a cosine to zero.</summary>
    Cosine,

    /// <summary>Several cosines, each from the peak.</summary>
    [WireName("cosine_with_restarts", "cosine_with_hard_restarts")] CosineWithRestarts,

    /// <summary>Down a power of the remaining share to lr_end.</summary>
    Polynomial,

    /// <summary>The peak throughout; warm-up is ignored.</summary>
    Constant,

    /// <summary>The peak after the warm-up.</summary>
    ConstantWithWarmup,

    /// <summary>With the inverse square root of the step.</summary>
    [WireName("inverse_sqrt")] InverseSquareRoot,

    /// <summary>Down half a cosine to min_lr, or to the share min_lr_rate of the peak.</summary>
    [WireName("cosine_with_min_lr")] CosineWithMinimum,

    /// <summary>
    /// The peak until num_decay_steps before the end, then down half a cosine to the share min_lr_ratio.
    /// </summary>
    [WireName("warmup_stable_decay", "wsd")] WarmupStableDecay,
}

/// <summary>Optimizers, by what they compute.</summary>
public enum OptimizerKind
{
    /// <summary>AdamW as torch defines it: float32 states, decay before the step.</summary>
    [WireName("adamw_torch", "adamw", "adamw_torch_fused", "adamw_hf")] AdamW,

    /// <summary>AdamW as bitsandbytes defines it: float32 states, decay after the step.</summary>
    [WireName("paged_adamw_32bit", "paged_adamw", "adamw_32bit")] PagedAdamW32Bit,

    /// <summary>The same with states in blocks of 8-bit codes.</summary>
    [WireName("adamw_8bit", "adamw_bnb_8bit")] AdamW8Bit,

    /// <summary>8-bit states that live in host memory between steps where the device is short of it.</summary>
    [WireName("paged_adamw_8bit")] PagedAdamW8Bit,

    /// <summary>Plain gradient descent, no momentum.</summary>
    Sgd,
}
