namespace Lorikeet.Configuration;

/// <summary>
/// The defaults of other tools for their options. Files that a program wrote hold every name, so a
/// default is no wish, and there is nothing to explain.
/// </summary>
internal static class ForeignDefaults
{
    private static readonly Dictionary<string, string[]> s_values = new(StringComparer.OrdinalIgnoreCase)
    {
        ["accelerator_config"] = ["{...}"],
        ["fsdp_config"] = ["{...}"],
        ["runtime_config"] = ["{...}"],
        ["average_tokens_across_devices"] = ["true"],
        ["batch_eval_metrics"] = ["false"],
        ["bf16_full_eval"] = ["false"],
        ["dataloader_num_workers"] = ["0"],
        ["dataloader_persistent_workers"] = ["false"],
        ["dataloader_pin_memory"] = ["true", "false"],
        ["dataset_batch_size"] = ["1000"],
        ["ddp_timeout"] = ["1800"],
        ["do_eval"] = ["true", "false"],
        ["enable_jit_checkpoint"] = ["false"],
        ["disable_dropout"] = ["true"],
        ["discopop_tau"] = ["0.05"],
        ["f_alpha_divergence_coef"] = ["0.5", "1.0"],
        ["ref_model_mixup_alpha"] = ["0.6"],
        ["ref_model_sync_steps"] = ["512"],
        ["is_encoder_decoder"] = ["false"],
        ["use_logits_to_keep"] = ["false"],
        ["label_pad_token_id"] = ["-100"],
        ["eval_delay"] = ["0", "0.0"],
        ["eval_do_concat_batches"] = ["true"],
        ["eval_use_gather_object"] = ["false"],
        ["fp16_backend"] = ["auto"],
        ["fp16_full_eval"] = ["false"],
        ["fp16_opt_level"] = ["O1"],
        ["fsdp_min_num_params"] = ["0"],
        ["half_precision_backend"] = ["auto"],
        ["hub_always_push"] = ["false"],
        ["hub_private_repo"] = ["false"],
        ["hub_strategy"] = ["every_save"],
        ["hub_token"] = ["<HUB_TOKEN>"],
        ["push_to_hub_token"] = ["<PUSH_TO_HUB_TOKEN>"],
        ["include_inputs_for_metrics"] = ["false"],
        ["include_num_input_tokens_seen"] = ["no", "false"],
        ["include_tokens_per_second"] = ["false"],
        ["jit_mode_eval"] = ["false"],
        ["length_column_name"] = ["length"],
        ["llm_int8_has_fp16_weight"] = ["false"],
        ["local_rank"] = ["-1", "0"],
        ["log_level"] = ["passive"],
        ["log_level_replica"] = ["passive", "warning"],
        ["log_on_each_node"] = ["true"],
        ["logging_first_step"] = ["false"],
        ["logging_nan_inf_filter"] = ["true"],
        ["megatron_core"] = ["megatron.core"],
        ["padding_free"] = ["false"],
        ["past_index"] = ["-1"],
        ["prediction_loss_only"] = ["false"],
        ["project"] = ["huggingface"],
        ["qalora_group_size"] = ["16"],
        ["ray_scope"] = ["last"],
        ["remove_unused_columns"] = ["true", "false"],
        ["restore_callback_states_from_checkpoint"] = ["false"],
        ["save_on_each_node"] = ["false"],
        ["skip_memory_metrics"] = ["true"],
        ["torch_compile"] = ["false"],
        ["tp_size"] = ["0", "1"],
        ["tpu_metrics_debug"] = ["false"],
        ["trackio_space_id"] = ["trackio"],
        ["use_cache"] = ["true", "false"],
        ["use_ipex"] = ["false"],
        ["use_legacy_prediction_loop"] = ["false"],
        ["use_liger"] = ["false"],
        ["use_liger_kernel"] = ["false"],
        ["activation_offloading"] = ["false"],
        ["num_of_sequences"] = ["1024"],
        ["chars_per_token"] = ["3.6"],
        ["use_bdlora"] = ["false"],
    };

    /// <summary>Whether a value says no more than leaving the name out would.</summary>
    public static bool Holds(string name, RawValue value)
    {
        var text = value is RawValue.Scalar { Text: null } ? "" : value.Display;
        return text is "" or "null" or "none" or "None" or "{}" or "[]"
            || s_values.TryGetValue(name, out var values) && values.Contains(text, StringComparer.OrdinalIgnoreCase);
    }
}
