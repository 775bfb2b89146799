using static Lorikeet.Configuration.ForeignMeaning;

namespace Lorikeet.Configuration.Dialects;

/// <summary>Configurations of LLaMA-Factory.</summary>
/// <remarks>Source: LLaMA-Factory's argument classes and its examples for LoRA and QLoRA.</remarks>
internal sealed class LlamaFactoryDialect : Dialect
{
    private const string Answers = "Rewards are not learned by a model; the methods are sft, dpo, orpo and kto.";
    private const string Tuned = "Only LoRA and training of all weights are there. Remove it.";

    public override string Name => "LLaMA-Factory";

    protected override IReadOnlyList<string> Marks { get; } =
        ["stage", "template", "dataset_dir", "quantization_method", "plot_loss", "max_samples"];

    protected override IReadOnlyList<(string Start, string Reason)> Idle { get; } =
    [
        ("ray_", OneProcess), ("placement_strategy", OneProcess), ("resources_per_worker", OneProcess),
        ("ddp_", OneProcess),
        ("fp8_", OwnModel), ("galore_", Tuned), ("apollo_", Tuned), ("badam_", Tuned), ("freeze_", Tuned),
        ("oft_", Tuned),
        ("ppo_", Answers), ("reward_model", Answers), ("swanlab_", NoTracker), ("use_swanlab", NoTracker),
        ("export_", OtherVerb),
        ("infer_", OtherVerb),
        ("vllm_", OtherVerb), ("sglang_", OtherVerb), ("kt_", OtherVerb), ("image_", TextOnly), ("video_", TextOnly),
        ("audio_", TextOnly),
        ("crop_to_", TextOnly), ("use_audio_", TextOnly),
    ];

    protected override IReadOnlyDictionary<string, Func<string, ForeignMeaning?>> Names { get; } =
        new Dictionary<string, Func<string, ForeignMeaning?>>
        {
            ["stage"] = Choice(Answers + " Expected sft, pt, dpo or kto.", ("sft", new Same()),
                ("pt", new Same(("dataset_shape", "text"), ("train_on", "all"))),
                ("kto", new Same(("method", "kto")))),
            ["pref_beta"] = Is("beta"),
            ["pref_bco_weight"] = OnlyZero,
            ["dpo_label_smoothing"] = Smoothing,
            ["kto_chosen_weight"] = Is("desirable_weight"),
            ["kto_rejected_weight"] = Is("undesirable_weight"),
            ["simpo_gamma"] = NoEffectFor("It is of pref_loss simpo."),
            ["ref_model"] = OnlyOff("The base is the model itself with its adapter off."),
            ["ref_model_adapters"] = OnlyOff("The base is the model itself with its adapter off."),
            ["ref_model_quantization_bit"] = OnlyOff("The base is the model itself with its adapter off."),
            ["ld_alpha"] = OnlyOff(Absent),
            ["template"] = Template,
            ["quantization_type"] = Is("bnb_4bit_quant_type"),
            ["quantization_method"] = Choice("Expected bitsandbytes.", ("bitsandbytes", new Same()),
                ("bnb", new Same())),
            ["lora_target"] = value => new Same(("lora_target_modules", value == "all" ? "all-linear" : value)),
            ["max_samples"] = value => new Same(("max_train_samples",
                value))
            { Note = "of all datasets together, not of each." },
            ["neat_packing"] = value => OptionValueReader.IsTrue(value) ? new Same(("packing", "true")) : new Same(),
            ["disable_shuffling"] = value => OptionValueReader.IsTrue(value) ? new Same(("shuffle",
                "false")) : new Same(),
            ["disable_gradient_checkpointing"] = value =>
                new Same(("gradient_checkpointing", OptionValueReader.IsTrue(value) ? "false" : "true")),
            ["early_stopping_steps"] = Is("early_stopping_patience"),
            ["pure_bf16"] = value => OptionValueReader.IsTrue(value) ? new Same(("torch_dtype",
                "bfloat16")) : new Same(),
            ["plot_loss"] = _ => new Same(), // report.html has the curve
            ["trust_remote_code"] = NoEffectFor(
                "Code from the hub is never run here; the model families are built in."),
            ["save_only_model"] = NoEffectFor("A checkpoint is always complete, so that a run can resume exactly."),
            ["dataset_dir"] = value => value.StartsWith("REMOTE:", StringComparison.Ordinal)
                ? new Refused("Name the repository's id with dataset.")
                : new Same(), // read with 'dataset'
            ["media_dir"] = NoEffectFor(TextOnly),
            ["flash_attn"] = NoEffectFor(OwnModel),
            ["enable_liger_kernel"] = NoEffectFor(OwnModel),
            ["use_unsloth"] = NoEffectFor(OwnModel),
            ["use_unsloth_gc"] = NoEffectFor(OwnModel),
            ["use_kv_cache"] = NoEffectFor(OwnModel),
            ["use_reentrant_gc"] = NoEffectFor(OwnModel),
            ["upcast_layernorm"] = NoEffectFor(OwnModel),
            ["upcast_lmhead_output"] = NoEffectFor(OwnModel),
            ["offload_folder"] = NoEffectFor(OwnModel),
            ["use_v1_kernels"] = NoEffectFor(OwnModel),
            ["print_param_status"] = NoEffectFor(OwnModel),
            ["use_fast_tokenizer"] = NoEffectFor(OwnTokenizer),
            ["cache_dir"] = NoEffectFor("HF_HOME says where the hub's cache is."),
            ["compute_accuracy"] = NoEffectFor("The verb 'eval' measures answers."),
            ["predict_with_generate"] = NoEffectFor(OtherVerb),
            ["include_effective_tokens_per_second"] = NoEffectFor("Speed is reported anyway."),
            ["preprocessing_batch_size"] = NoEffectFor("Rows are tokenized once."),
            ["buffer_size"] = NoEffectFor("Rows are tokenized once."),
            ["ignore_pad_token_for_loss"] = NoEffectFor(NoPadding),
            ["eval_num_beams"] = NoEffectFor(OtherVerb),
            ["max_new_tokens"] = NoEffectFor(OtherVerb),
            ["temperature"] = NoEffectFor(OtherVerb),
            ["top_p"] = NoEffectFor(OtherVerb),
            ["top_k"] = NoEffectFor(OtherVerb),
            ["do_sample"] = NoEffectFor(OtherVerb),
            ["repetition_penalty"] = NoEffectFor(OtherVerb),
            ["tool_format"] = NoEffectFor("Tools are rendered by the chat template."),
            ["create_new_adapter"] = OnlyOff("A run trains the adapter it names, or a new one. Remove it, or " +
                "adapter_name_or_path."),
            ["mask_history"] = OnlyOff(Absent),
            ["mix_strategy"] = Choice("Datasets are joined one after the other. Expected concat.",
                ("concat", new Same())),
            ["interleave_probs"] = OnlyOff(Absent),
            ["eval_on_each_dataset"] = OnlyOff(Absent),
            ["rope_scaling"] = OnlyOff(Absent),
            ["shift_attn"] = OnlyOff(Absent),
            ["mixture_of_depths"] = OnlyOff(Absent),
            ["resize_vocab"] = OnlyOff(Absent),
            ["add_tokens"] = OnlyOff(Absent),
            ["add_special_tokens"] = OnlyOff(Absent),
            ["new_special_tokens_config"] = OnlyOff(Absent),
            ["split_special_tokens"] = OnlyOff(Absent),
            ["train_from_scratch"] = OnlyOff(Absent),
            ["use_llama_pro"] = OnlyOff(Absent),
            ["use_galore"] = OnlyOff(Absent),
            ["use_apollo"] = OnlyOff(Absent),
            ["use_badam"] = OnlyOff(Absent),
            ["use_muon"] = OnlyOff(Absent),
            ["use_adam_mini"] = OnlyOff(Absent),
            ["use_dft_loss"] = OnlyOff(Absent),
            ["use_mca"] = OnlyOff(Absent),
            ["use_kt"] = OnlyOff(Absent),
            ["fp8"] = Is("fp8"),
            ["moe_aux_loss_coef"] = OnlyOff(Absent),
            ["deepspeed"] = OnlyOff(OneProcess + " Remove it."),
        };

    protected override IEnumerable<(string Name, string Value)> Defaults(Translation file)
    {
        var rank = OptionValueReader.ReadNumber(file.TextOf("lora_rank") ?? "") ?? 8;
        yield return ("lora_r", OptionValueWriter.ToYaml((int)rank));
        yield return ("lora_alpha", OptionValueWriter.ToYaml((int)(2 * rank)));
        yield return ("lora_dropout", "0");
        yield return ("lora_target_modules", "all-linear");
        yield return ("max_length", "2048");
        yield return ("per_device_train_batch_size", "8");
        yield return ("gradient_accumulation_steps", "1");
        yield return ("learning_rate", "5e-5");
        yield return ("num_train_epochs", "3");
        yield return ("lr_scheduler_type", "linear");
        yield return ("optim", "adamw_torch");
        yield return ("weight_decay", "0");
        yield return ("gradient_checkpointing", "true");
        yield return ("save_steps", "500");
    }

    protected override bool Take(string name, FileEntry entry, Translation into)
    {
        if (name == "stage" && entry.Value?.Display == "dpo")
        {
            TakePreferences(entry, into);
            return true;
        }

        if (name is "pref_loss" or "pref_ftx")
            return true; // with 'stage'
        if (name is not ("dataset" or "eval_dataset") || entry.Value is null or RawValue.Scalar { Text: null or "" })
            return false;
        LlamaFactoryDatasets.Translate(entry, into, isEvaluation: name == "eval_dataset");
        return true;
    }

    /// <summary>Their stage dpo is every method of pairs; pref_loss says which.</summary>
    private static void TakePreferences(FileEntry stage, Translation into)
    {
        var loss = into.TextOf("pref_loss") ?? "sigmoid";
        if (loss == "orpo")
        {
            into.Set(stage, "method", "orpo");
            return;
        }

        if (loss is not ("sigmoid" or "hinge" or "ipo"))
        {
            into.Refuse(stage, $"pref_loss is {loss}. Expected sigmoid, hinge, ipo or orpo.");
            return;
        }

        into.Set(stage, "method", "dpo");
        var supervised = OptionValueReader.ReadNumber(into.TextOf("pref_ftx") ?? "") ?? 0;
        if (supervised == 0)
        {
            into.Set(stage, "loss_type", loss);
            return;
        }

        into.Set(stage, "loss_type", $"{loss},sft");
        into.Set(stage, "loss_weights", $"1,{OptionValueWriter.ToYaml(supervised)}");
    }

    private static ForeignMeaning OnlyZero(string value) =>
        OptionValueReader.ReadNumber(value) == 0 ? new Same() : new Refused(Absent);

    private static ForeignMeaning Smoothing(string value) => OptionValueReader.ReadNumber(value) == 0
        ? new Same()
        : new Refused("Labels are smoothed by loss_type robust alone. Remove it.");

    private static ForeignMeaning Template(string name) => name switch
    {
        "llama3" => new Same(("chat_template", "llama-3")),
        "llama2" => new Same(("chat_template", "llama-2")),
        "alpaca" or "chatml" or "zephyr" => new Same(("chat_template", name)),
        "empty" => new Same(("chat_template", "verbatim")),
        _ => new Same(("chat_template", "tokenizer")) { Note = $"the tokenizer's own template is taken for '{name}'." },
    };
}
