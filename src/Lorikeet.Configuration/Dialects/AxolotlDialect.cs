using static Lorikeet.Configuration.ForeignMeaning;

namespace Lorikeet.Configuration.Dialects;

/// <summary>Configurations of axolotl.</summary>
/// <remarks>Source: axolotl's configuration schema and its examples for Llama 2 and 3.</remarks>
internal sealed class AxolotlDialect : Dialect
{
    public override string Name => "axolotl";

    protected override IReadOnlyList<string> Marks { get; } =
    [
        "micro_batch_size", "sequence_len", "sample_packing", "lora_target_linear", "val_set_size", "datasets",
        "pad_to_sequence_len", "evals_per_epoch", "saves_per_epoch", "lora_model_dir",
    ];

    protected override IReadOnlyList<(string Start, string Reason)> Idle { get; } =
    [
        ("wandb_", NoTracker), ("use_wandb", NoTracker), ("mlflow_", NoTracker), ("use_mlflow", NoTracker),
        ("hf_mlflow", NoTracker), ("comet_", NoTracker), ("use_comet", NoTracker), ("gradio_", OtherVerb),
        ("ray_", OneProcess), ("use_ray", OneProcess), ("fsdp", OneProcess), ("ddp", OneProcess),
        ("flash_", OwnModel), ("unsloth_", OwnModel), ("liger_", OwnModel), ("torch_compile", OwnModel),
        ("sample_packing_", NoPadding), ("eval_sample_packing", NoPadding), ("dataloader_", "Rows are tokenized once."),
        ("is_", OwnModel), ("eval_table_", "Answers before and after are shown by sample_count."),
        ("lora_mlp_kernel", OwnModel), ("lora_qkv_kernel", OwnModel), ("lora_o_kernel", OwnModel),
        ("cut_cross_", OwnModel),
    ];

    protected override IReadOnlyDictionary<string, Func<string, ForeignMeaning?>> Names { get; } =
        new Dictionary<string, Func<string, ForeignMeaning?>>
        {
            ["micro_batch_size"] = Is("per_device_train_batch_size"),
            ["sequence_len"] = Is("max_length"),
            ["sample_packing"] = Is("packing"),
            ["val_set_size"] = Is("test_size"),
            ["lora_model_dir"] = Is("adapter"),
            ["noisy_embedding_alpha"] = Is("neftune_noise_alpha"),
            ["revision_of_model"] = Is("revision"),
            ["peft_use_dora"] = Is("use_dora"),
            ["peft_use_rslora"] = Is("use_rslora"),
            ["peft_layers_to_transform"] = Is("layers_to_transform"),
            ["peft_layers_pattern"] = Is("layers_pattern"),
            ["peft_init_lora_weights"] = Is("init_lora_weights"),
            ["embedding_lr"] = Is("loraplus_lr_embedding"),
            ["bf16"] = Type("bfloat16"),
            ["bfloat16"] = Type("bfloat16"),
            ["fp16"] = Type("float16"),
            ["float16"] = Type("float16"),
            ["float32"] = Type("float32"),
            ["fp8"] = Is("fp8"),
            ["max_packed_sequence_len"] = value => new Same(("packing",
                "true"))
            { Note = $"packed up to sequence_len; {value} is not read." },
            ["gradient_checkpointing"] = value => value is "offload" or "unsloth" or "offload_disk"
                ? new Same(("gradient_checkpointing", "true"), ("activation_offloading", "true"))
                : null,
            ["curriculum_sampling"] = value => OptionValueReader.IsTrue(value) ? new Same(("shuffle",
                "false")) : new Same(),
            ["auto_resume_from_checkpoints"] = value =>
                OptionValueReader.IsTrue(value) ? new Same(("resume_from_checkpoint", "latest")) : new Same(),
            ["saves_per_epoch"] = PerEpoch("save_strategy"),
            ["use_tensorboard"] = _ => new Same(("report_to", "tensorboard")),
            ["save_only_model"] = NoEffectFor("A checkpoint is always complete, so that a run can resume exactly."),
            ["trust_remote_code"] = NoEffectFor(
                "Code from the hub is never run here; the model families are built in."),
            ["model_type"] = NoEffectFor(OwnModel),
            ["base_model_config"] = NoEffectFor(OwnModel),
            ["tokenizer_type"] = NoEffectFor(OwnTokenizer),
            ["tokenizer_use_fast"] = NoEffectFor(OwnTokenizer),
            ["tokenizer_legacy"] = NoEffectFor(OwnTokenizer),
            ["special_tokens"] = NoEffectFor(OwnTokenizer),
            ["tokenizer_save_jinja_files"] = NoEffectFor(OwnTokenizer),
            ["eot_tokens"] = NoEffectFor(OwnTokenizer),
            ["strict"] = NoEffectFor("Names that are not known are errors anyway."),
            ["pad_to_sequence_len"] = NoEffectFor(NoPadding),
            ["multipack_real_batches"] = NoEffectFor(NoPadding),
            ["batch_flattening"] = NoEffectFor(NoPadding),
            ["xformers_attention"] = NoEffectFor(OwnModel),
            ["sdp_attention"] = NoEffectFor(OwnModel),
            ["flex_attention"] = NoEffectFor(OwnModel),
            ["eager_attention"] = NoEffectFor(OwnModel),
            ["tf32"] = NoEffectFor(OwnModel),
            ["lora_on_cpu"] = NoEffectFor(OwnModel),
            ["use_kernels"] = NoEffectFor(OwnModel),
            ["low_cpu_mem_usage"] = NoEffectFor(OwnModel),
            ["gpu_memory_limit"] = NoEffectFor(OwnModel),
            ["max_memory"] = NoEffectFor(OwnModel),
            ["gc_steps"] = NoEffectFor(OwnModel),
            ["local_rank"] = NoEffectFor(OneProcess),
            ["world_size"] = NoEffectFor(OneProcess),
            ["deepspeed"] = OnlyOff(OneProcess + " Remove it."),
            ["loss_watchdog_threshold"] = NoEffectFor("A loss that is not finite ends the run."),
            ["loss_watchdog_patience"] = NoEffectFor("A loss that is not finite ends the run."),
            ["eval_max_new_tokens"] = NoEffectFor("Answers before and after are shown by sample_count."),
            ["debug"] = NoEffectFor("--verbose shows more."),
            ["test_value"] = NoEffectFor("Its tests read it."),
            ["save_first_step"] = NoEffectFor("--dry_run tries a step."),
            ["profiler_steps"] = NoEffectFor("--verbose shows more."),
            ["shuffle_merged_datasets"] = NoEffectFor("Each epoch draws a new order."),
            ["dataset_processes"] = NoEffectFor("Rows are tokenized once."),
            ["dataset_num_proc"] = NoEffectFor("Rows are tokenized once."),
            ["dataset_keep_in_memory"] = NoEffectFor("Rows are tokenized once."),
            ["skip_prepare_dataset"] = NoEffectFor("Rows are tokenized once."),
            ["resize_token_embeddings_to_32x"] = NoEffectFor("The embedding stays as it is."),
            ["plugins"] = value => value.Split(',').All(plugin => plugin.Contains(
                "liger", StringComparison.OrdinalIgnoreCase)
                || plugin.Contains("cut_cross_entropy",
                    StringComparison.OrdinalIgnoreCase)) ? new NoEffect(OwnModel) : new Refused(Absent),
            ["lora_fan_in_fan_out"] = OnlyOff("Linear layers of these models are stored [out, in]."),
            ["s2_attention"] = OnlyOff(Absent),
            ["gptq"] = OnlyOff(Absent),
            ["relora"] = OnlyOff(Absent),
            ["relora_steps"] = OnlyOff(Absent),
            ["lisa_n_layers"] = OnlyOff(Absent),
            ["unfrozen_parameters"] = OnlyOff(Absent),
            ["tokens"] = OnlyOff(Absent),
            ["added_tokens_overrides"] = OnlyOff(Absent),
            ["peft"] = OnlyOff(Absent),
            ["loftq_config"] = OnlyOff(Absent),
            ["peft_layer_replication"] = OnlyOff(Absent),
            ["rope_scaling"] = OnlyOff(Absent),
            ["model_config"] = OnlyOff(Absent),
            ["overrides_of_model_config"] = OnlyOff(Absent),
            ["cosine_min_lr_ratio"] = OnlyOff(Absent),
            ["lr_groups"] = OnlyOff(Absent),
            ["exact_deduplication"] = OnlyOff("Remove rows that are there twice from the data first."),
            ["dataset_exact_deduplication"] = OnlyOff("Remove rows that are there twice from the data first."),
            ["rl"] = Choice(
                "Expected dpo, ipo, orpo or kto; or nothing for supervised training.",
                ("dpo", new Same(("method", "dpo"))), ("ipo", new Same(("method", "dpo"), ("loss_type", "ipo"))),
                ("orpo", new Same(("method", "orpo"))), ("kto", new Same(("method", "kto")))),
            ["rl_beta"] = Is("beta"),
            ["dpo_beta"] = Is("beta"),
            ["orpo_alpha"] = Is("beta"),
            ["dpo_loss_type"] = Is("loss_type"),
            ["dpo_label_smoothing"] = Is("label_smoothing"),
            ["kto_desirable_weight"] = Is("desirable_weight"),
            ["kto_undesirable_weight"] = Is("undesirable_weight"),
            ["rpo_alpha"] = OnlyOff("Give loss_type sigmoid,sft and loss_weights 1 and that number."),
            ["dpo_use_weighting"] = OnlyOff(Absent),
            ["dpo_use_logits_to_keep"] = NoEffectFor(OwnModel),
            ["dpo_padding_free"] = NoEffectFor(NoPadding),
            ["dpo_norm_loss"] = OnlyOff(Absent),
            ["simpo_gamma"] = OnlyOff(Absent),
            ["cpo_alpha"] = OnlyOff(Absent),
            ["reward_model"] = OnlyOff(Absent),
            ["pretraining_dataset"] = OnlyOff("Name the data with datasets, type: completion."),
            ["default_system_message"] = OnlyOff(
                "Put it into the rows, or into a template of your own (chat_template)."),
            ["hf_use_auth_token"] = NoEffectFor("HF_TOKEN is used where the hub asks for it."),
        };

    protected override IEnumerable<(string Name, string Value)> Defaults(Translation file)
    {
        yield return ("max_length", "512");
        yield return ("per_device_train_batch_size", "1");
        yield return ("gradient_accumulation_steps", "1");
        yield return ("num_train_epochs", "1");
        yield return ("lr_scheduler_type", "cosine");
        yield return ("optim", "adamw_torch");
        yield return ("weight_decay", "0");
        yield return ("lora_dropout", "0");
        yield return ("gradient_checkpointing", "false");
        yield return ("save_strategy", file.Find("save_steps") is null ? "epoch" : "steps");
        if (file.Find("warmup_steps") is null && file.Find("warmup_ratio") is null)
            yield return ("warmup_ratio", "0.03"); // there at most 100 steps
        // Left empty, it trains all weights.
        if (file.Find("adapter") is null)
            yield return ("finetuning_type", "full");
        if (HasHeldOut(file))
            yield return ("eval_strategy", file.Find("eval_steps") is null ? "epoch" : "steps");
    }

    protected override bool Take(string name, FileEntry entry, Translation into)
    {
        switch (name)
        {
            case "adapter":
                TakeAdapter(entry, into);
                return true;
            case "datasets" or "test_datasets" when entry.Items is { } items:
                AxolotlDatasets.Translate(entry, items, into, isEvaluation: name == "test_datasets");
                return true;
            case "lora_target_linear":
                if (into.IsOn(name))
                    into.Set(entry, "lora_target_modules", "all-linear");
                return true;
            case "lora_target_modules" when into.IsOn("lora_target_linear"):
                return true; // all linear layers hold them
            case "batch_size":
                TakeBatch(entry, into);
                return true;
            case "evals_per_epoch" when entry.Value is RawValue.Scalar { Text: { } count }:
                if (HasHeldOut(into))
                    into.Add(entry, PerEpoch("eval_strategy")(count));
                return true;
            case "chat_template" when AxolotlDatasets.AreInstructions(into.Find("datasets")):
                into.Add(entry, new NoEffect("Rows of the type alpaca have a prompt of their own."));
                return true;
            case "chat_template" when entry.Value is RawValue.Scalar { Text: { } template }:
                into.Add(entry, AxolotlDatasets.Template(template, into.TextOf("chat_template_jinja")));
                return true;
            case "chat_template_jinja":
                if (into.Find("chat_template") is null && entry.Value is RawValue.Scalar { Text: { } jinja })
                    into.Add(entry, AxolotlDatasets.Template("jinja", jinja));
                return true;
            default:
                return false;
        }
    }

    private static void TakeAdapter(FileEntry entry, Translation into)
    {
        switch (entry.Value?.Display)
        {
            case "lora":
                into.Set(entry, "finetuning_type", "lora");
                break;
            case "qlora":
                into.Set(entry, "finetuning_type", "lora");
                if (!into.IsOn("load_in_4bit"))
                    into.Set(entry, "load_in_4bit", "true");
                break;
            case null or "" or "null":
                break;
            default:
                into.Refuse(entry, "Expected lora or qlora, or nothing to train all weights.");
                break;
        }
    }

    private static void TakeBatch(FileEntry entry, Translation into)
    {
        if (entry.Value is not RawValue.Scalar { Text: { Length: > 0 } text }
            || into.Find("gradient_accumulation_steps") is not null)
            return;
        var each = int.TryParse(into.TextOf("micro_batch_size"), out var micro) ? micro : 1;
        if (int.TryParse(text, out var all) && each > 0 && all % each == 0)
            into.Set(entry, "gradient_accumulation_steps", (all / each)
                .ToString(System.Globalization.CultureInfo.InvariantCulture));
        else
            into.Refuse(entry, $"Expected a multiple of micro_batch_size, {each}.");
    }

    private static bool HasHeldOut(Translation file) => file.Find("test_datasets") is not null
        || OptionValueReader.ReadNumber(file.TextOf("val_set_size") ?? "0") is > 0;

    private static Func<string, ForeignMeaning?> Type(string type) => value =>
        value == "auto" ? new Same(("torch_dtype", "auto"))
        : OptionValueReader.IsTrue(value) ? new Same(("torch_dtype", type))
        : OptionValueReader.IsFalse(value) ? new Same()
        : new Refused("Expected true, false or auto.");

    private static Func<string, ForeignMeaning?> PerEpoch(string option) => value => value switch
    {
        "0" => new Same((option, "no")),
        "1" => new Same((option, "epoch")),
        _ => new Same((option, "epoch"))
        { Note = $"{value} times an epoch is not there; it is done once. Steps can be named instead." },
    };
}
