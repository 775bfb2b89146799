using static Lorikeet.Configuration.ForeignOptions;

namespace Lorikeet.Configuration;

/// <summary>
/// The rest of the names that the argument classes of transformers, peft, bitsandbytes and trl have or had: most say
/// how a process group, a Python library or a tracker works that is not there.
/// </summary>
internal static class ForeignNames
{
    private const string OneProcess =
        "How processes share the work is set by 'num_processes', 'zero_stage', 'shard_base' and "
        + "'context_parallel_size'.";
    private const string OwnModel = "Lorikeet computes the model itself and chooses the fastest form.";
    private const string OwnVerb = "Use the verb 'push' after training.";
    private const string ReferenceIsBase = "The reference is the base: the model with its adapter off.";
    private const string OnlyTrackio = "Only the tracker Trackio reads it.";
    private const string NoMetrics = "Evaluation measures the loss; the verb 'eval' measures answers.";

    /// <summary>Every foreign name.</summary>
    public static IEnumerable<ForeignOption> All() =>
        Translated().Concat(Fixed()).Concat(WithoutEffect()).Concat(Absent());

    private static IEnumerable<ForeignOption> Translated() =>
    [
        Flag("shuffle_dataset", on: ("shuffle", "true")),
        Value("log_with", value => value is "tensorboard" or "mlflow" or "all"
            ? new ForeignMeaning.Same(("report_to", value))
            : new ForeignMeaning.Refused(
                "Expected tensorboard or mlflow; other trackers have no .NET client, but read its event files.")),
        Value("base_model_name_or_path", value => new ForeignMeaning.Same(("model", value))),
        // TRL cuts nothing then; this is the longest row there may be.
        Value("max_length", value => value is "null" or "none" or "None"
            ? new ForeignMeaning.Same(("max_length", "1048576"))
            : null),
    ];

    private static IEnumerable<ForeignOption> Fixed() =>
    [
        Only("dataloader_drop_last", "The last batch of an epoch is kept, however small.", "false"),
        Only("use_mps_device", "Computing is on a CPU or on CUDA.", "false"),
        Only("adafactor", "Choose an optimizer with optim.", "false"),
        Only("f_divergence_type", "The divergence from the base is the reverse one.", "reverse_kl"),
        Only("use_weighting", "It is not implemented.", "false"),
        Only("sync_ref_model", ReferenceIsBase, "false"),
        Only("reference_free", "Method orpo asks no base.", "false"),
        Only("force_use_ref_model", ReferenceIsBase, "false"),
        Only("generate_during_eval", "Answers before and after are shown by sample_count.", "false"),
        Only("packing_strategy", "Rows are packed whole, best fit first.", "bfd"),
        Only("lora_task_type", "Decoders are trained to predict the next token.", "CAUSAL_LM"),
        Only("quant_method", "Quantized checkpoints are those of bitsandbytes.", "bitsandbytes"),
        Only("llm_int8_enable_fp32_cpu_offload", "A model lies on one device.", "false"),
        Only("ensure_weight_tying", "It is not implemented.", "false"),
    ];

    private static IEnumerable<ForeignOption> WithoutEffect() =>
        NoEffectOf(ReferenceIsBase, "ref_model_init_kwargs", "ref_model_mixup_alpha", "ref_model_sync_steps",
            "model_adapter_name", "ref_adapter_name")
        .Concat(NoEffectOf("Models have no dropout of their own; lora_dropout is that of the adapter.",
            "disable_dropout"))
        .Concat(NoEffectOf("Batches are those of training.", "precompute_ref_batch_size"))
        .Concat(NoEffectOf("max_length bounds a prompt with its answer.", "max_prompt_length"))
        .Concat(NoEffectOf("It is of another loss_type.", "discopop_tau", "f_alpha_divergence_coef"))
        .Concat(NoEffectOf("Batches hold no padding.", "label_pad_token_id", "padding_value", "is_encoder_decoder",
            "use_logits_to_keep"))
        .Concat(NoEffectOf(OneProcess, "accelerator_config", "fsdp_config", "ddp_timeout", "ddp_bucket_cap_mb",
            "ddp_broadcast_buffers", "ddp_static_graph", "ddp_find_unused_parameters", "log_on_each_node",
            "save_on_each_node", "log_level_replica", "average_tokens_across_devices", "dispatch_batches",
            "split_batches", "ray_scope", "xpu_backend", "tpu_metrics_debug", "eval_use_gather_object"))
        .Concat(NoEffectOf("Rows are tokenized once, before training.", "dataloader_prefetch_factor", "infinite"))
        .Concat(NoEffectOf("Datasets are read as a stream anyway.", "dataset_streaming"))
        .Concat(NoEffectOf(OwnModel, "torch_compile_backend", "torch_compile_mode", "torchdynamo", "use_ipex",
            "jit_mode_eval", "fp16_backend", "liger_kernel_config", "gradient_checkpointing_use_reentrant",
            "ignore_bias_buffers", "past_index"))
        .Concat(NoEffectOf(NoMetrics, "include_num_input_tokens_seen", "include_inputs_for_metrics",
            "include_for_metrics", "batch_eval_metrics", "eval_do_concat_batches", "label_names",
            "use_legacy_prediction_loop"))
        .Concat(NoEffectOf("Lengths are counted.", "length_column_name"))
        .Concat(NoEffectOf(
            "A resumed run goes on as if it had not stopped.", "restore_callback_states_from_checkpoint"))
        .Concat(NoEffectOf("A run that is stopped saves a checkpoint first.", "enable_jit_checkpoint"))
        .Concat(NoEffectOf("--verbose shows more.", "debug"))
        .Concat(NoEffectOf(OwnVerb, "hub_model_id", "hub_strategy", "hub_private_repo", "hub_always_push",
            "hub_revision", "push_to_hub_model_id", "push_to_hub_organization", "new_model"))
        .Concat(NoEffectOf(OnlyTrackio, "project", "trackio_space_id", "trackio_bucket_id", "trackio_static_space_id"))
        .Concat(NoEffectOf("PEFT writes it for itself.", "auto_mapping", "peft_version", "runtime_config"))
        .Concat(NoEffectOf("Only with megatron_config does PEFT read it.", "megatron_core"))
        .Concat(NoEffectOf("Only with use_qalora does PEFT read it.", "qalora_group_size"))
        .Concat(NoEffectOf("What it holds is read as options.", OptionBinder.ArgumentObjects))
        .Concat(NoEffectOf("It repeats load_in_4bit and load_in_8bit.", "_load_in_4bit", "_load_in_8bit"));

    private static IEnumerable<ForeignOption> Absent() =>
        RefusedAll(OneProcess, "sharded_ddp", "fsdp_min_num_params", "fsdp_transformer_layer_cls_to_wrap",
            "mp_parameters", "tp_size")
        .Concat(RefusedAll("Give loss_type sigmoid,sft and loss_weights with 1 and that number.", "rpo_alpha"))
        .Concat(RefusedAll("The tokenizer's own end token ends every row (append_eos).", "eos_token"))
        .Concat(RefusedAll("Name columns with column_map and a template with chat_template.", "formatting_func",
            "dataset_kwargs"))
        .Concat(RefusedAll("It is not implemented.", "lora_target_parameters", "ld_alpha", "velora_config",
            "monteclora_config", "alora_invocation_tokens", "use_bdlora", "arrow_config"));
}
