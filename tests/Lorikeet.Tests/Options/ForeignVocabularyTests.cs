using Lorikeet.Configuration;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Options;

/// <summary>Every argument that the classes of the Hugging Face stack have, then and now: none is unknown.</summary>
public sealed class ForeignVocabularyTests
{
    public static TheoryData<string, string> Vocabularies => new(
        Names.All.Select(vocabulary => (vocabulary.Key, vocabulary.Value)).ToArray());

    [Theory]
    [MemberData(nameof(Vocabularies))]
    public void EveryArgument_IsAnOptionOrExplained(string source, string names)
    {
        var all = names.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var catalog = OptionCatalog.Training;
        var unknown = all.Where(name => catalog.Find(name) is null && !catalog.Foreign.ContainsKey(name)).ToArray();
        var taken = all.Count(name => catalog.Find(name) is not null);
        Compatibility.RecordEqual(
            "Options", source, "its argument names",
            $"{all.Length} names: {taken} options, {all.Length - taken} translated or explained", unknown.Length);
        Assert.Empty(unknown);
    }

    [Theory]
    [InlineData("transformers-4.31.json")]
    [InlineData("transformers-5.json")]
    public void EveryArgumentAtItsDefault_AsHfArgumentParserTakesIt_NeedsNoWarning(string file)
    {
        var path = Path.Combine(TestAssets.Root, "tests", "fixtures", "arguments", file);
        var resolved = OptionsResolver.Resolve(path, []);
        Assert.Empty(resolved.Warnings);
        Assert.Equal(8, resolved.Options.Optimization.BatchSize);
        Assert.Equal("out", resolved.Options.Output.OutputDir);
    }

    [Theory]
    [InlineData("deepspeed", "zero3.json", "zero_stage")]
    [InlineData("loss_type", "dft", "Expected sigmoid")]
    [InlineData("rpo_alpha", "0.5", "loss_type sigmoid,sft")]
    [InlineData("eos_token", "<end>", "own end token")]
    [InlineData("dataloader_drop_last", "true", "The last batch of an epoch is kept")]
    public void ArgumentThatAsksForSomethingElse_IsRefusedWithAReason(string name, string value, string reason)
    {
        var fault = Assert.Throws<ConfigurationException>(() => Resolve($"{name}: {value}"));
        Assert.Contains(reason, fault.Message);
    }

    [Fact]
    public void ObjectsOfPythonPrograms_AreReadAsTheirArguments()
    {
        var options = Resolve("""
            model_init_kwargs: {torch_dtype: bfloat16, use_cache: false}
            quantization_config: {load_in_4bit: true, bnb_4bit_quant_type: fp4, quant_method: bitsandbytes}
            peft_config: {r: 4, lora_alpha: 8, target_modules: [q_proj, v_proj], peft_type: LORA}
            max_length: null
            """).Options;
        Assert.Equal(ComputeType.BFloat16, options.Model.TorchDtype);
        Assert.Equal((true, FourBitType.Fp4), (options.Quantization.LoadIn4Bit, options.Quantization.QuantType));
        Assert.Equal((4, 8), (options.Lora.Rank, options.Lora.Alpha));
        Assert.Equal(["q_proj", "v_proj"], options.Lora.TargetModules.Names!);
        Assert.Equal(1_048_576, options.Data.MaxLength);
    }

    [Theory]
    [InlineData("warmup_ratio: 0.1\nwarmup_steps: 0", null)]
    [InlineData("warmup_ratio: 0.1\nwarmup_steps: 7", 7)]
    [InlineData("warmup_steps: 0", 0)]
    public void NoStepsOfWarmUpBesideARatio_LeaveTheRatioInForce(string yaml, int? steps) =>
        Assert.Equal(steps, Resolve(yaml).Options.Optimization.WarmupSteps);

    [Fact]
    public void ObjectOnTheCommandLine_IsReadAsItsArguments()
    {
        var json = new RawValue.Scalar("""{"torch_dtype": "bfloat16"}""");
        var resolved = OptionsResolver.Resolve(null,
        [
            new Setting("model", new RawValue.Scalar("base"), OptionOrigin.CommandLine),
            new Setting("dataset", new RawValue.Scalar("rows.jsonl"), OptionOrigin.CommandLine),
            new Setting("model_init_kwargs", json, OptionOrigin.CommandLine),
        ]);
        Assert.Equal(ComputeType.BFloat16, resolved.Options.Model.TorchDtype);
    }

    private static ResolvedOptions Resolve(string yaml)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["run.yaml"], $"model: base\ndataset: rows.jsonl\n{yaml}\n");
        return OptionsResolver.Resolve(folder["run.yaml"], []);
    }

    /// <summary>The fields of the classes, as their sources list them.</summary>
    private static class Names
    {
        public static readonly Dictionary<string, string> All = new()
        {
            ["TrainingArguments of transformers 4.31"] = """
                output_dir overwrite_output_dir do_train do_eval do_predict evaluation_strategy prediction_loss_only
                per_device_train_batch_size per_device_eval_batch_size per_gpu_train_batch_size per_gpu_eval_batch_size
                gradient_accumulation_steps eval_accumulation_steps eval_delay learning_rate weight_decay adam_beta1
                adam_beta2 adam_epsilon max_grad_norm num_train_epochs max_steps lr_scheduler_type warmup_ratio
                warmup_steps log_level log_level_replica log_on_each_node logging_dir logging_strategy
                logging_first_step logging_steps logging_nan_inf_filter save_strategy save_steps save_total_limit
                save_safetensors save_on_each_node no_cuda use_mps_device seed data_seed jit_mode_eval use_ipex bf16
                fp16 fp16_opt_level half_precision_backend bf16_full_eval fp16_full_eval tf32 local_rank ddp_backend
                tpu_num_cores tpu_metrics_debug debug dataloader_drop_last eval_steps dataloader_num_workers past_index
                run_name disable_tqdm remove_unused_columns label_names load_best_model_at_end metric_for_best_model
                greater_is_better ignore_data_skip sharded_ddp fsdp fsdp_min_num_params fsdp_config
                fsdp_transformer_layer_cls_to_wrap deepspeed label_smoothing_factor optim optim_args adafactor
                group_by_length length_column_name report_to ddp_find_unused_parameters ddp_bucket_cap_mb
                ddp_broadcast_buffers dataloader_pin_memory skip_memory_metrics use_legacy_prediction_loop push_to_hub
                resume_from_checkpoint hub_model_id hub_strategy hub_token hub_private_repo gradient_checkpointing
                include_inputs_for_metrics fp16_backend push_to_hub_model_id push_to_hub_organization push_to_hub_token
                mp_parameters auto_find_batch_size full_determinism torchdynamo ray_scope ddp_timeout torch_compile
                torch_compile_backend torch_compile_mode xpu_backend
                """,
            ["TrainingArguments of transformers 4.32 to 4.57, where they differ"] = """
                gradient_checkpointing_kwargs include_tokens_per_second include_num_input_tokens_seen dispatch_batches
                split_batches neftune_noise_alpha optim_target_modules batch_eval_metrics eval_on_start
                use_liger_kernel eval_use_gather_object average_tokens_across_devices hub_always_push hub_revision
                save_only_model restore_callback_states_from_checkpoint eval_strategy eval_do_concat_batches
                include_for_metrics accelerator_config use_cpu dataloader_persistent_workers dataloader_prefetch_factor
                torch_empty_cache_steps tp_size liger_kernel_config lr_scheduler_kwargs parallelism_config
                """,
            ["TrainingArguments of transformers 5"] = """
                output_dir per_device_train_batch_size num_train_epochs max_steps learning_rate lr_scheduler_type
                lr_scheduler_kwargs warmup_steps optim optim_args weight_decay adam_beta1 adam_beta2 adam_epsilon
                optim_target_modules gradient_accumulation_steps average_tokens_across_devices max_grad_norm
                label_smoothing_factor bf16 fp16 bf16_full_eval fp16_full_eval tf32 gradient_checkpointing
                gradient_checkpointing_kwargs torch_compile torch_compile_backend torch_compile_mode use_liger_kernel
                liger_kernel_config use_cache neftune_noise_alpha torch_empty_cache_steps auto_find_batch_size
                logging_strategy logging_steps logging_first_step log_on_each_node logging_nan_inf_filter
                include_num_input_tokens_seen log_level log_level_replica disable_tqdm report_to run_name project
                trackio_space_id trackio_bucket_id trackio_static_space_id eval_strategy eval_steps eval_delay
                per_device_eval_batch_size prediction_loss_only eval_on_start eval_do_concat_batches
                eval_use_gather_object eval_accumulation_steps include_for_metrics batch_eval_metrics save_only_model
                save_strategy save_steps save_on_each_node save_total_limit enable_jit_checkpoint push_to_hub hub_token
                hub_private_repo hub_model_id hub_strategy hub_always_push hub_revision load_best_model_at_end
                metric_for_best_model greater_is_better ignore_data_skip restore_callback_states_from_checkpoint
                full_determinism seed data_seed use_cpu accelerator_config parallelism_config dataloader_drop_last
                dataloader_num_workers dataloader_pin_memory dataloader_persistent_workers dataloader_prefetch_factor
                remove_unused_columns label_names train_sampling_strategy length_column_name ddp_find_unused_parameters
                ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph ddp_backend ddp_timeout fsdp fsdp_config
                deepspeed debug skip_memory_metrics do_train do_eval do_predict resume_from_checkpoint local_rank
                """,
            ["SFTTrainer of trl 0.4.7 and its example's arguments"] = """
                peft_config dataset_text_field packing formatting_func max_seq_length infinite num_of_sequences
                chars_per_token dataset_num_proc dataset_batch_size model_name dataset_name log_with learning_rate
                batch_size seq_length gradient_accumulation_steps load_in_8bit load_in_4bit use_peft trust_remote_code
                output_dir peft_lora_r peft_lora_alpha logging_steps use_auth_token num_train_epochs max_steps
                save_steps save_total_limit push_to_hub hub_model_id use_4bit use_nested_quant device_map new_model
                """,
            ["SFTConfig, ScriptArguments and ModelConfig of trl 1"] = """
                model_init_kwargs chat_template_path dataset_text_field dataset_kwargs dataset_num_proc eos_token
                max_length truncation_mode shuffle_dataset packing packing_strategy padding_free pad_to_multiple_of
                eval_packing completion_only_loss assistant_only_loss loss_type activation_offloading pad_token
                trust_remote_code dataset_name dataset_config dataset_train_split dataset_test_split dataset_streaming
                gradient_checkpointing_use_reentrant ignore_bias_buffers model_name_or_path model_revision dtype
                torch_dtype attn_implementation use_peft lora_r lora_alpha lora_dropout lora_target_modules
                lora_target_parameters lora_modules_to_save lora_task_type use_rslora use_dora load_in_8bit
                load_in_4bit bnb_4bit_quant_type use_bnb_nested_quant bnb_4bit_quant_storage max_seq_length
                dataset_batch_size num_of_sequences chars_per_token use_liger
                """,
            ["DPOConfig, KTOConfig and ORPOConfig of trl 0.9 to 1"] = """
                disable_dropout beta label_smoothing loss_type loss_weights precompute_ref_log_probs
                precompute_ref_batch_size ld_alpha f_divergence_type f_alpha_divergence_coef use_weighting discopop_tau
                sync_ref_model ref_model_mixup_alpha ref_model_sync_steps reference_free force_use_ref_model
                generate_during_eval ref_model_init_kwargs model_adapter_name ref_adapter_name max_prompt_length
                label_pad_token_id padding_value is_encoder_decoder use_logits_to_keep rpo_alpha desirable_weight
                undesirable_weight
                """,
            ["GRPOConfig of trl 0.19 to 1"] = """
                disable_dropout num_generations max_completion_length ds3_gather_for_generation shuffle_dataset
                generation_batch_size steps_per_generation temperature top_p top_k min_p generation_kwargs
                repetition_penalty use_transformers_paged cache_implementation use_vllm vllm_mode vllm_server_host
                vllm_server_port vllm_server_timeout vllm_server_base_url vllm_gpu_memory_utilization
                vllm_tensor_parallel_size beta num_iterations epsilon epsilon_high delta importance_sampling_level
                reward_weights scale_rewards loss_type mask_truncated_completions sync_ref_model ref_model_mixup_alpha
                ref_model_sync_steps top_entropy_quantile log_completions num_completions_to_print max_prompt_length
                """,
            ["LoraConfig of peft 0.4"] = """
                peft_type auto_mapping base_model_name_or_path revision task_type inference_mode r target_modules
                lora_alpha lora_dropout fan_in_fan_out bias modules_to_save init_lora_weights layers_to_transform
                layers_pattern
                """,
            ["LoraConfig of peft 0.20"] = """
                peft_type auto_mapping peft_version base_model_name_or_path revision task_type inference_mode r
                target_modules exclude_modules lora_alpha lora_dropout fan_in_fan_out bias use_rslora modules_to_save
                init_lora_weights layers_to_transform layers_pattern rank_pattern alpha_pattern megatron_config
                megatron_core trainable_token_indices loftq_config eva_config corda_config lora_ga_config use_dora
                velora_config alora_invocation_tokens use_qalora qalora_group_size monteclora_config layer_replication
                runtime_config lora_bias target_parameters use_bdlora arrow_config ensure_weight_tying
                """,
            ["BitsAndBytesConfig of transformers 4.31 to 5"] = """
                load_in_8bit load_in_4bit llm_int8_threshold llm_int8_skip_modules llm_int8_enable_fp32_cpu_offload
                llm_int8_has_fp16_weight bnb_4bit_compute_dtype bnb_4bit_quant_type bnb_4bit_use_double_quant
                bnb_4bit_quant_storage quant_method _load_in_4bit _load_in_8bit
                """,
        };
    }
}
