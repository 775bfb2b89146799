using static Lorikeet.Configuration.ForeignMeaning;

namespace Lorikeet.Configuration;

/// <summary>
/// Names that users of transformers (4.31 to 5), peft, bitsandbytes, trl and their scripts write and that are not
/// options here: each is translated, explained or refused, never silently ignored. Plain synonyms are aliases of the
/// options themselves.
/// </summary>
internal static class ForeignOptions
{
    private const string OneProcess =
        "How processes share the work is set by 'num_processes', 'zero_stage', 'shard_base' and "
        + "'context_parallel_size'.";
    private const string NoPadding = "Batches hold no padding.";
    private const string Prepared = "Rows are tokenized once, before training.";
    private const string OwnModel = "Lorikeet computes the model itself and chooses the fastest form.";

    private static readonly string[] OtherTrackers = ["wandb", "comet_ml", "trackio", "swanlab"];

    /// <summary>All of them, by name.</summary>
    public static IReadOnlyDictionary<string, ForeignOption> All { get; } =
        Translated().Concat(Fixed()).Concat(WithoutEffect()).Concat(Absent()).Concat(ForeignNames.All())
            .Concat(ForeignRewardNames.All())
            .ToDictionary(option => option.Name, StringComparer.OrdinalIgnoreCase);

    private static IEnumerable<ForeignOption> Translated() =>
    [
        MixedPrecision("bf16", "bfloat16"),
        MixedPrecision("fp16", "float16"),
        Flag("no_cuda", on: ("device", "cpu")),
        Flag("use_cpu", on: ("device", "cpu")),
        Flag("use_peft", on: ("finetuning_type", "lora"), off: ("finetuning_type", "full")),
        Flag("completion_only_loss", on: ("train_on", "answer"), off: ("train_on", "all")),
        Flag("assistant_only_loss", on: ("train_on", "answer")),
        Flag("mask_prompt", on: ("train_on", "answer"), off: ("train_on", "all")),
        Flag("train_on_prompt", on: ("train_on", "all"), off: ("train_on", "answer")),
        Flag("train_on_inputs", on: ("train_on", "all"), off: ("train_on", "answer")),
        Flag("pissa_init", on: ("init_lora_weights", "pissa")),
        Value("init_lora_weights", Initialisation),
        Value("adapter", value => value is "lora" or "qlora" && !Directory.Exists(value)
            ? new Refused($"'{value}' is axolotl's word for the method; here " +
                $"{(value == "lora" ? "LoRA is the default" : "load_in_4bit: true is enough")}. Remove it.")
            : null),
        Flag("disable_tqdm", on: ("progress", "plain")),
        Value("train_sampling_strategy", value => value switch
        {
            "group_by_length" => new Same(("group_by_length", "true")),
            "random" => new Same(("shuffle", "true")),
            "sequential" => new Same(("shuffle", "false")),
            _ => new Refused("Expected random, sequential or group_by_length."),
        }),
        Value("quantization_bit", value => value switch
        {
            "4" => new Same(("load_in_4bit", "true")),
            "8" => new Same(("load_in_8bit", "true")),
            _ => new Refused("Expected 4 or 8."),
        }),
        Value("validation_split_percentage", value => OptionValueReader.ReadNumber(value) is { } percent
            ? new Same(("test_size", OptionValueWriter.ToYaml(percent / 100)))
            : new Refused("Expected a number of percent.")),
        Value("device_map", value => value is "auto" or "balanced" or "sequential"
            ? new Same(("device", "auto"))
            : new Same(("device", value))),
        // transformers 5 dropped warmup_ratio: a fraction given as steps is a ratio.
        Value("warmup_steps", value => OptionValueReader.ReadNumber(value) is > 0 and < 1
            ? new Same(("warmup_ratio", value))
            : null),
        Value("report_to", value => value.Split(',').Any(OtherTrackers.Contains)
            ? new Refused(
                "Expected tensorboard, mlflow or none; other trackers have no .NET client, but read its event files.")
            : null),
    ];

    /// <summary>Settings of which Lorikeet knows one value only.</summary>
    private static IEnumerable<ForeignOption> Fixed() =>
    [
        Only("trust_remote_code", "Code from the hub is never run here; the model families are built in.", "false"),
        Only("push_to_hub", "Use the verb 'push' after training.", "false"),
        Only("fan_in_fan_out", "Linear layers of these models are stored [out, in].", "false"),
        Only("inference_mode", "An adapter in training is not in inference mode.", "false"),
        Only("task_type", "Decoders are trained to predict the next token.", "CAUSAL_LM"),
        Only("peft_type", "LoRA is the adapter there is.", "LORA"),
        Only("label_smoothing_factor", "The loss is plain cross-entropy.", "0", "0.0"),
        Only("save_only_model", "A checkpoint is always complete, so that a run can resume exactly.", "false"),
        Only("ignore_data_skip", "A resumed run continues with the row it stopped at.", "false"),
        Only("save_safetensors", "Weights are always written as safetensors.", "true"),
        Only("logging_strategy", "Use logging_steps.", "steps"),
        Only("do_train", "This command trains.", "true", "false"),
        Only("do_predict", "Use the verb 'generate' after training.", "false"),
        Only("streaming", "Datasets are read as a stream.", "true", "false"),
        Only("bnb_4bit_quant_storage", "4-bit codes are stored as bytes.", "uint8"),
    ];

    private static IEnumerable<ForeignOption> WithoutEffect() =>
        NoEffectOf(Prepared, "dataloader_num_workers", "dataloader_pin_memory", "dataloader_persistent_workers",
            "dataset_num_proc", "preprocessing_num_workers", "dataset_batch_size",
            "remove_unused_columns", "num_of_sequences", "chars_per_token")
        .Concat(NoEffectOf(NoPadding, "padding", "padding_side", "pad_token", "pad_to_multiple_of", "padding_free"))
        .Concat(NoEffectOf(OwnModel, "use_flash_attention_2", "use_flash_attn", "torch_compile",
            "use_liger_kernel", "use_liger", "use_cache", "pretraining_tp", "low_cpu_mem_usage", "tf32",
            "gradient_checkpointing_kwargs", "fp16_opt_level", "half_precision_backend", "fp16_full_eval",
            "bf16_full_eval"))
        .Concat(NoEffectOf(
            "It follows from metric_for_best_model: less of the loss is better, more of any other.",
            "greater_is_better"))
        .Concat(NoEffectOf("The trainer decides by itself.", "do_eval", "eval_accumulation_steps",
            "torch_empty_cache_steps", "skip_memory_metrics", "include_tokens_per_second", "prediction_loss_only"))
        .Concat(NoEffectOf("Event files are written into the output folder.", "logging_dir"))
        .Concat(NoEffectOf("--verbose shows more.", "log_level", "logging_first_step", "logging_nan_inf_filter"));

    private static IEnumerable<ForeignOption> Absent() =>
        RefusedAll(OneProcess, "deepspeed", "fsdp", "local_rank", "ddp_backend", "tpu_num_cores", "parallelism_config")
        .Concat(Secret(
            "token", "hub_token", "use_auth_token", "hf_token", "hf_hub_token", "ms_hub_token", "om_hub_token",
            "api_token", "push_to_hub_token"))
        .Concat(RefusedAll("One seed drives everything; set 'seed'.", "data_seed"))
        .Concat(RefusedAll("Layers are those of the base, each once.", "layer_replication"))
        .Concat(RefusedAll(
            "Single rows of the embedding are not trained; modules_to_save embed_tokens trains all of it.",
            "trainable_token_indices"))
        .Concat(RefusedAll(
            "It is not implemented.", "target_parameters", "megatron_config", "loftq_config", "eva_config",
            "corda_config", "lora_ga_config", "use_qalora", "galore_rank",
            "optim_args", "optim_target_modules", "eval_delay", "eval_packing",
            "llm_int8_has_fp16_weight"));

    /// <summary>PEFT's initialisations that Lorikeet's own option does not name.</summary>
    private static ForeignMeaning? Initialisation(string value) => value.ToLowerInvariant() switch
    {
        ['p', 'i', 's', 's', 'a', '_', 'n', 'i', 't', 'e', 'r', '_', .. var count] =>
            new Same(("init_lora_weights", "pissa"), ("pissa_iter", count)),
        "eva" => new Refused(
            "EVA begins from activations on the data, which are not collected here. Choose pissa or true."),
        "corda" => new Refused(
            "CorDA begins from covariances on the data, which are not collected here. Choose pissa or true."),
        "loftq" => new Refused(
            "LoftQ replaces the base's weights, so its adapters fit no other copy of the base. Choose true."),
        "lora_ga" => new Refused(
            "LoRA-GA begins from gradients on the data, which are not collected here. Choose pissa or true."),
        _ => null,
    };

    internal static ForeignOption Flag(string name, (string, string)? on, (string, string)? off = null) =>
        new(name, true, value =>
            OptionValueReader.IsTrue(value) ? Means(on)
            : OptionValueReader.IsFalse(value) ? Means(off)
            : new Refused("Expected true or false."));

    private static ForeignOption MixedPrecision(string name, string type)
    {
        var flag = Flag(name, on: ("torch_dtype", type));
        return flag
            with
        { Interpret = value => value == "auto" ? new Same(("torch_dtype", "auto")) : flag.Interpret(value) };
    }

    internal static ForeignOption Value(string name, Func<string, ForeignMeaning?> interpret) =>
        new(name, false, interpret);

    internal static ForeignOption Only(string name, string reason, params string[] values) =>
        new(name, values[0] is "true" or "false", value => values.Contains(value, StringComparer.OrdinalIgnoreCase)
            ? new Same()
            : new Refused($"{reason} Expected {values[0]}."));

    internal static IEnumerable<ForeignOption> NoEffectOf(string reason, params string[] names) =>
        names.Select(name => new ForeignOption(name, false, _ => new NoEffect(reason)));

    internal static IEnumerable<ForeignOption> RefusedAll(string reason, params string[] names) =>
        names.Select(name => new ForeignOption(name, false, _ => new Refused($"{reason} Remove it.")));

    private static IEnumerable<ForeignOption> Secret(params string[] names) =>
        names.Select(name => new ForeignOption(name, false, _ => new Refused(
            "Tokens are kept out of command lines and files, where histories and logs keep them; set HF_TOKEN. " +
            "Remove it.")
        {
            IsSecret = true,
        }));

    private static Same Means((string, string)? setting) => setting is { } one ? new Same(one) : new Same();
}
