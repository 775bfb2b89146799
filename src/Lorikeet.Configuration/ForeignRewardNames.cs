using static Lorikeet.Configuration.ForeignOptions;

namespace Lorikeet.Configuration;

/// <summary>Names of trl's GRPOConfig that are not options here.</summary>
internal static class ForeignRewardNames
{
    private const string OwnEngine =
        "Answers are drawn by the engine of this process, on the weights that are trained.";
    private const string Rounds =
        "A round has per_device_train_batch_size times gradient_accumulation_steps answers; num_iterations says how "
        + "many steps learn from it.";
    private const string Absent = "It is not implemented.";

    /// <summary>All of them.</summary>
    public static IEnumerable<ForeignOption> All() =>
    [
        Only("importance_sampling_level", "Ratios are those of tokens.", "token"),
        Only("multi_objective_aggregation", "Rewards are added up, then compared.", "sum_then_normalize"),
        Only("top_entropy_quantile", "All tokens are learned.", "1", "1.0"),
        Only("use_bias_correction_kl", Absent, "false"),
        .. NoEffectOf(OwnEngine, "use_vllm", "vllm_mode", "vllm_model_impl", "vllm_enable_sleep_mode",
            "vllm_server_host", "vllm_server_port", "vllm_server_timeout", "vllm_server_base_url", "vllm_group_port",
            "vllm_gpu_memory_utilization", "vllm_max_model_length", "vllm_tensor_parallel_size",
            "vllm_importance_sampling_correction", "vllm_importance_sampling_mode", "vllm_importance_sampling_cap",
            "use_transformers_paged", "cache_implementation", "ds3_gather_for_generation"),
        .. NoEffectOf("Logits are in float32 anyway.", "cast_lm_head_to_fp32"),
        .. NoEffectOf("metrics.jsonl has what is measured.", "log_completions", "num_completions_to_print",
            "log_unique_prompts", "log_completions_hub_repo"),
        .. NoEffectOf("Held-out rows are scored by their loss.", "num_generations_eval"),
        .. NoEffectOf("It is of another loss_type.", "sapo_temperature_neg", "sapo_temperature_pos"),
        .. NoEffectOf("The chunks of the head are small anyway.", "use_liger_loss"),
        .. RefusedAll(Rounds, "generation_batch_size", "steps_per_generation"),
        .. RefusedAll(Absent, "delta", "generation_kwargs", "chat_template_kwargs", "max_tool_calling_iterations",
            "off_policy_mask_threshold", "vllm_structured_outputs_regex", "vllm_guided_decoding_regex"),
    ];
}
