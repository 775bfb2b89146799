using Lorikeet.Configuration;
using Lorikeet.Data;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Training;

namespace Lorikeet.Tests.Options;

/// <summary>Configurations with the options of public ones of axolotl and LLaMA-Factory.</summary>
public sealed class DialectTests : IDisposable
{
    // The options of axolotl's examples/llama-2/qlora.yml, in another order.
    private const string AxolotlQLora = """
        base_model: owner/llama
        model_type: LlamaForCausalLM
        tokenizer_type: LlamaTokenizer
        is_llama_derived_model: true
        adapter: qlora
        lora_model_dir:
        load_in_4bit: true
        load_in_8bit: false
        strict: false
        datasets:
          - path: owner/alpaca
            type: alpaca
        dataset_prepared_path:
        val_set_size: 0.05
        output_dir: ./out
        sequence_len: 4096
        sample_packing: true
        pad_to_sequence_len: true
        lora_r: 32
        lora_alpha: 16
        lora_dropout: 0.05
        lora_target_modules:
        lora_target_linear: true
        lora_fan_in_fan_out:
        wandb_project:
        wandb_entity:
        wandb_watch:
        wandb_name:
        wandb_log_model:
        micro_batch_size: 2
        gradient_accumulation_steps: 4
        num_epochs: 4
        optimizer: paged_adamw_32bit
        lr_scheduler: cosine
        learning_rate: 0.0002
        weight_decay: 0.0
        warmup_steps: 10
        train_on_inputs: false
        group_by_length: false
        bf16: auto
        fp16: false
        tf32: false
        gradient_checkpointing: true
        early_stopping_patience:
        resume_from_checkpoint:
        local_rank:
        logging_steps: 1
        xformers_attention:
        flash_attention: true
        evals_per_epoch: 4
        eval_table_size:
        saves_per_epoch: 1
        debug:
        deepspeed:
        fsdp:
        fsdp_config:
        special_tokens:
          bos_token: "<s>"
          eos_token: "</s>"
          unk_token: "<unk>"
        """;

    // The options of LLaMA-Factory's examples/train_qlora/llama3_lora_sft_otfq.yaml, in another order.
    private const string LlamaFactoryQLora = """
        model_name_or_path: owner/llama
        trust_remote_code: true
        quantization_bit: 4
        quantization_method: bitsandbytes
        stage: sft
        do_train: true
        finetuning_type: lora
        lora_rank: 16
        lora_target: all
        dataset: identity,alpaca_en_demo
        template: llama3
        cutoff_len: 2048
        max_samples: 1000
        overwrite_cache: true
        preprocessing_num_workers: 16
        output_dir: saves/lora
        logging_steps: 10
        save_steps: 500
        plot_loss: true
        overwrite_output_dir: true
        per_device_train_batch_size: 1
        gradient_accumulation_steps: 8
        learning_rate: 1.0e-4
        num_train_epochs: 3.0
        lr_scheduler_type: cosine
        warmup_ratio: 0.1
        bf16: true
        ddp_timeout: 180000000
        val_size: 0.1
        per_device_eval_batch_size: 1
        eval_strategy: steps
        eval_steps: 500
        """;

    // The options of Unsloth's studio/backend/assets/configs/lora_text.yaml, in another order.
    private const string UnslothLora = """
        model: owner/qwen
        lora:
          target_modules: "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
          lora_r: 64
          lora_alpha: 16
          lora_dropout: 0.0
          use_rslora: false
          use_loftq: false
          vision_all_linear: false
          finetune_vision_layers: true
          finetune_language_layers: true
          finetune_attention_modules: true
          finetune_mlp_modules: true
        data:
          format_type: auto
          dataset: owner/alpaca
        training:
          training_type: lora
          load_in_4bit: true
          max_seq_length: 2048
          batch_size: 2
          gradient_accumulation_steps: 4
          gradient_checkpointing: "unsloth"
          learning_rate: 0.0002
          num_epochs: 1
          max_steps: 0
          save_steps: 0
          warmup_steps: 5
          weight_decay: 0.01
          random_seed: 3407
          packing: false
          train_on_completions: false
          output_dir: outputs
        logging:
          enable_tensorboard: false
          tensorboard_dir: runs
          enable_wandb: false
          wandb_project: unsloth-training
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("lorikeet-dialect").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Axolotl_IsTranslated()
    {
        var resolved = Resolve(AxolotlQLora);

        Assert.Equal(
            """
            model: owner/llama
            finetuning_type: lora
            torch_dtype: auto
            load_in_4bit: true
            lora_r: 32
            lora_alpha: 16
            lora_dropout: 0.05
            lora_target_modules: all-linear
            dataset: [owner/alpaca]
            dataset_shape: instruction
            chat_template: alpaca
            train_on: answer
            test_size: 0.05
            max_length: 4096
            packing: true
            per_device_train_batch_size: 2
            gradient_accumulation_steps: 4
            learning_rate: 0.0002
            lr_scheduler_type: cosine
            warmup_steps: 10
            num_train_epochs: 4
            weight_decay: 0
            optim: paged_adamw_32bit
            gradient_checkpointing: true
            eval_strategy: epoch
            save_strategy: epoch
            """.Split('\n').Order(),
            Shown(resolved, "load_in_8bit", "output", "group_by_length", "logging_steps", "early_stopping_patience",
                "resume_from_checkpoint", "token_cache_dir", "adapter"));
        Assert.Equal("run.yml:23", resolved.OriginOf("lora_target_modules").Text);
        var note = Assert.Single(resolved.Notes);
        Assert.Contains("run.yml is a configuration of axolotl", note);
        Assert.Contains("per_device_train_batch_size: 2", note);
    }

    [Fact]
    public void Axolotl_SaysWhatHasNoEffect_OnceForEachReason()
    {
        var warnings = Resolve(AxolotlQLora).Warnings;

        Assert.Contains(
            warnings,
            warning => warning.Contains("model_type, is_llama_derived_model, flash_attention have no effect"));
        Assert.Contains(warnings, warning => warning.Contains("tokenizer_type, special_tokens have no effect"));
        Assert.Contains(warnings, warning => warning.Contains("'evals_per_epoch': 4 times an epoch is not there"));
        Assert.DoesNotContain(warnings, warning => warning.Contains("wandb"));
    }

    [Fact]
    public void Axolotl_WithoutAnAdapter_TrainsAllWeights_AndHasItsDefaults()
    {
        var options = Resolve("base_model: owner/llama\nmicro_batch_size: 2\nbatch_size: 8\nlearning_rate: 1e-5\n"
            + "datasets:\n- path: owner/chat\n  type: chat_template\n  split: train[:10%]\n").Options;

        Assert.Equal(FineTuneMethod.Full, options.Model.Method);
        Assert.Equal(4, options.Optimization.GradientAccumulation);
        Assert.Equal(512, options.Data.MaxLength);
        Assert.Equal("train[:10%]", options.Data.DatasetSplit);
        Assert.Equal(1, options.Optimization.Epochs);
    }

    [Theory]
    [InlineData("rl: simpo", "'rl' is 'simpo'. Expected dpo, ipo, orpo or kto")]
    [InlineData("adapter: ia3", "Expected lora or qlora")]
    [InlineData("s2_attention: true", "is not implemented")]
    [InlineData("sequnce_len: 5", "'sequnce_len' is not an option")]
    [InlineData("datasets:\n- path: a/b\n  type: gpteacher", "Expected alpaca, chat_template, sharegpt or completion")]
    [InlineData("datasets:\n- path: a/b\n  type: alpaca\n- path: a/c\n  type: completion", "read alike")]
    [InlineData("datasets:\n- type: alpaca", "A dataset without a path")]
    [InlineData("chat_template: gemma", "as a file with Jinja")]
    public void Axolotl_RefusesWhatItCannotKeep(string line, string expected) =>
        Assert.Contains(expected, Fails($"base_model: owner/llama\nmicro_batch_size: 2\n{line}\n"));

    [Fact]
    public void LlamaFactory_IsTranslated_WithTheDatasetsItsFileExplains()
    {
        WriteDatasets();
        var resolved = Resolve(LlamaFactoryQLora);
        var options = resolved.Options;

        Assert.Equal(
            [Path.Combine(_folder, "data", "identity.json"), "owner/alpaca-demo"], options.Data.Datasets);
        Assert.Equal(DatasetShape.Instruction, options.Data.Shape);
        Assert.Equal("llama-3", options.Data.ChatTemplate);
        Assert.Equal(1000, options.Data.MaxTrainRows);
        Assert.Equal(16, options.Lora.Rank);
        Assert.Equal(32, options.Lora.Alpha); // twice the rank, its default
        Assert.Equal(0, options.Lora.Dropout);
        Assert.True(options.Lora.TargetModules.IsAllLinear);
        Assert.True(options.Quantization.LoadIn4Bit);
        Assert.Equal(ComputeType.BFloat16, options.Model.TorchDtype);
        Assert.Contains("is a configuration of LLaMA-Factory", Assert.Single(resolved.Notes));
        Assert.Contains(resolved.Warnings, warning => warning.Contains("trust_remote_code has no effect"));
    }

    [Theory]
    [InlineData("stage: ppo", "Expected sft, pt, dpo or kto")]
    [InlineData("stage: dpo\npref_loss: simpo", "Expected sigmoid, hinge, ipo or orpo")]
    [InlineData("stage: sft\ndataset: nobody_knows", "'nobody_knows' is a name of LLaMA-Factory's dataset_info.json")]
    [InlineData("stage: sft\nuse_galore: true", "is not implemented")]
    [InlineData("stage: sft\nquantization_method: hqq", "Expected bitsandbytes")]
    [InlineData("stage: sft\ntemplte: llama3", "'templte' is not an option")]
    public void LlamaFactory_RefusesWhatItCannotKeep(string lines, string expected) =>
        Assert.Contains(expected, Fails($"model_name_or_path: owner/llama\n{lines}\n"));

    [Theory]
    [InlineData("stage: dpo", TrainingMethod.Dpo, "sigmoid", 0.1)]
    [InlineData("stage: dpo\npref_loss: ipo\npref_beta: 0.2", TrainingMethod.Dpo, "ipo", 0.2)]
    [InlineData("stage: dpo\npref_loss: sigmoid\npref_ftx: 0.5", TrainingMethod.Dpo, "sigmoid,sft", 0.1)]
    [InlineData("stage: dpo\npref_loss: orpo", TrainingMethod.Orpo, "", 0.1)]
    [InlineData("stage: kto\npref_beta: 0.3", TrainingMethod.Kto, "", 0.3)]
    [InlineData("micro_batch_size: 2\nrl: dpo\nrl_beta: 0.2", TrainingMethod.Dpo, "", 0.2)]
    [InlineData("micro_batch_size: 2\nrl: ipo", TrainingMethod.Dpo, "ipo", 0.1)]
    [InlineData("micro_batch_size: 2\nrl: kto\nkto_desirable_weight: 0.5", TrainingMethod.Kto, "", 0.1)]
    public void PreferenceMethods_AreTranslated(string lines, TrainingMethod method, string losses, double beta)
    {
        var data = lines.StartsWith("stage", StringComparison.Ordinal)
            ? "dataset: owner/pairs\nper_device_train_batch_size: 2"
            : "datasets: [{path: owner/pairs, type: chat_template.default}]\nadapter: lora";
        var objective = Resolve($"base_model: owner/llama\n{data}\n{lines}\n").Options.Objective;
        Assert.Equal(method, objective.Method);
        Assert.Equal(losses, string.Join(',', objective.LossTypes).ToLowerInvariant());
        Assert.Equal(beta, objective.Beta ?? 0.1);
        Assert.Equal(losses.Contains("sft") ? [1, 0.5] : [], objective.LossWeights);
        Assert.Equal(lines.Contains("desirable") ? 0.5 : 1, objective.DesirableWeight);
    }

    [Fact]
    public void Unsloth_IsTranslated()
    {
        var resolved = Resolve(UnslothLora);

        Assert.Equal(
            """
            model: owner/qwen
            finetuning_type: lora
            load_in_4bit: true
            lora_r: 64
            lora_alpha: 16
            lora_dropout: 0
            lora_target_modules: [q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]
            dataset: [owner/alpaca]
            train_on: all
            max_length: 2048
            per_device_train_batch_size: 2
            gradient_accumulation_steps: 4
            learning_rate: 0.0002
            warmup_steps: 5
            num_train_epochs: 1
            weight_decay: 0.01
            seed: 3407
            gradient_checkpointing: true
            activation_offloading: true
            save_strategy: no
            """.Split('\n').Order(),
            Shown(resolved, "output", "packing", "use_rslora"));
        Assert.Contains("run.yml is a configuration of Unsloth", Assert.Single(resolved.Notes));
        Assert.Contains(resolved.Warnings, warning => warning.Contains("wandb_project"));
    }

    [Theory]
    [InlineData("training_type: gguf", "Expected lora, qlora or full.")]
    [InlineData("finetune_mlp_modules: false", "Name them there, and remove this.")]
    [InlineData("batch_sise: 2", "'batch_sise' is not an option")]
    public void Unsloth_RefusesWhatItCannotKeep(string line, string expected) =>
        Assert.Contains(expected, Fails($"model: owner/llama\ndata:\n  dataset: d\ntraining:\n  {line}\n"));

    /// <summary>The options of trl's examples/cli_configs/example_config.yaml, in another order.</summary>
    [Fact]
    public void Trl_IsReadAsItIs()
    {
        var resolved = Resolve("""
            learning_rate:
              0.0001
            lr_scheduler_type:
              cosine
            report_to:
              none
            dataset_name:
              owner/imdb
            model_name_or_path:
              owner/qwen
            """);

        Assert.Equal(
            """
            model: owner/qwen
            dataset: [owner/imdb]
            learning_rate: 0.0001
            lr_scheduler_type: cosine
            report_to: [none]
            """.Split('\n').Order(),
            Shown(resolved));
        Assert.Empty(resolved.Warnings);
    }

    [Fact]
    public void AxolotlsWordForTheMethod_IsExplainedAnywhere()
    {
        Assert.Contains(
            "'adapter' is 'qlora'. 'qlora' is axolotl's word for the method",
            Fails("model: m\ndataset: d\nadapter: qlora\n"));
        Assert.Equal(ComputeType.Auto, Resolve("model: m\ndataset: d\nbf16: auto\n").Options.Model.TorchDtype);
    }

    private void WriteDatasets()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "data"));
        File.WriteAllText(Path.Combine(_folder, "data", "dataset_info.json"), """
            {"identity": {"file_name": "identity.json"}, "alpaca_en_demo": {"hf_hub_url": "owner/alpaca-demo"}}
            """);
    }

    private static IEnumerable<string> Shown(ResolvedOptions resolved, params string[] without) =>
        resolved.ToShortYaml().Split('\n').Select(line => line.Split(" #")[0].TrimEnd())
            .Where(line => !without.Contains(line.Split(':')[0])).Order();

    private string Fails(string yaml) => Assert.Throws<ConfigurationException>(() => Resolve(yaml)).Message;

    private ResolvedOptions Resolve(string yaml)
    {
        var path = Path.Combine(_folder, "run.yml");
        File.WriteAllText(path, yaml);
        return OptionsResolver.Resolve(path, []);
    }
}
