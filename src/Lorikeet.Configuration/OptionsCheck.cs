using System.Text.RegularExpressions;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Text.Tokenization.Patterns;
using Lorikeet.Training;

namespace Lorikeet.Configuration;

/// <summary>Options that are out of range, missing, contradict each other, or do nothing.</summary>
/// <param name="options">The options.</param>
/// <param name="originOf">Where a value came from, by the option's name.</param>
/// <param name="needsData">Whether a dataset has to be named; a plan can do without.</param>
internal sealed partial class OptionsCheck(
    TrainingOptions options, Func<string, OptionOrigin> originOf, bool needsData = true)
{
    private static readonly string[] s_adapterShape =
    [
        "lora_r", "lora_alpha", "lora_target_modules", "exclude_modules", "rank_pattern", "alpha_pattern", "use_rslora",
        "bias", "init_lora_weights", "pissa_iter", "use_dora", "lora_bias",
    ];

    private readonly OptionCatalog _catalog = OptionCatalog.Training;

    /// <summary>What must be fixed.</summary>
    public List<string> Problems { get; } = [];

    /// <summary>What the user may intend but should know.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Whether rows are held out.</summary>
    private bool HasEvaluation => options.Data.EvalDatasets.Count > 0 || options.Data.HeldOut > 0;

    /// <summary>Checks all options; finds problems and warnings.</summary>
    public void Run()
    {
        Problems.AddRange(_catalog.OutOfRange(options, Speak)); // what was made in code; what was read is in range
        CheckModel();
        CheckQuantization();
        CheckLora();
        CheckData();
        Problems.AddRange(ObjectiveCheck.Problems(options, Speak));
        foreach (var (name, why) in ObjectiveCheck.Idle(options.Objective))
            WarnIdle(why, name);
        CheckOffload();
        Problems.AddRange(RewardCheck.Problems(options, Speak));
        foreach (var (why, names) in RewardCheck.Idle(options))
            WarnIdle(why, names);
        CheckSchedule();
        CheckEvaluation();
        CheckOutput();
    }

    private void CheckModel()
    {
        var model = options.Model;
        Refuse(model.Model.Length == 0 && model.Adapter is null,
            "No model is given. Give a folder, a GGUF file or a hub id as 'model'.");
        Refuse(!Device().IsMatch(model.Device),
            $"{Speak("device")} is '{model.Device}'. Expected auto, cpu, cuda or cuda:N.");
        Refuse(model.TorchDtype == ComputeType.Float16,
            $"{Speak("torch_dtype")} is float16, which overflows in training without loss scaling. "
            + "Use bfloat16, or float32 on hardware without it.");
        Refuse(model is { Method: FineTuneMethod.Full, Adapter: not null },
            $"{Speak("adapter")} is given, but finetuning_type is full. Merge the adapter first, or train with lora.");
    }

    private void CheckQuantization()
    {
        var quantization = options.Quantization;
        string[] forms =
        [
            .. quantization.LoadIn4Bit ? [Speak("load_in_4bit")] : (string[])[],
            .. quantization.LoadIn8Bit ? [Speak("load_in_8bit")] : (string[])[],
            .. quantization.Fp8 ? [Speak("fp8")] : (string[])[],
        ];
        Refuse(forms.Length > 1,
            $"{string.Join(" and ", forms)} are {(forms.Length == 2 ? "both" : "all")} true. Expected one of them.");
        Refuse(quantization.Fp8 && (options.Model.OffloadLayers > 0 || options.Model.ShardBase),
            $"{Speak("fp8")} cannot go with {Speak(options.Model.ShardBase ? "shard_base" : "offload_layers")}: "
            + "weights in FP8 stay on their device. Use load_in_4bit where memory is scarce.");
        Refuse(options.Model.Method == FineTuneMethod.Full && forms.Length > 0,
            "finetuning_type is full, but quantized weights cannot be trained. Use lora, or load unquantized.");
        if (!quantization.LoadIn8Bit)
            WarnIdle("has no effect without load_in_8bit.", "llm_int8_threshold");
        if (!quantization.LoadIn4Bit)
        {
            WarnIdle("has no effect without load_in_4bit.",
                "bnb_4bit_quant_type", "bnb_4bit_use_double_quant", "bnb_4bit_compute_dtype");
        }
        else if (quantization.ComputeType != options.Model.TorchDtype)
        {
            var type = WireNames.Of(options.Model.TorchDtype);
            WarnIdle($"has no effect: 4-bit layers multiply in torch_dtype ({type}).", "bnb_4bit_compute_dtype");
        }
    }

    private void CheckLora()
    {
        var lora = options.Lora;
        CheckExpression("lora_target_modules", lora.TargetModules);
        CheckExpression("exclude_modules", lora.ExcludeModules);
        Refuse(lora is { LayersPattern: not null, LayersToTransform: null },
            $"{Speak("layers_pattern")} is given without layers_to_transform. Expected both, as in PEFT.");
        Refuse(lora is { LayersToTransform: not null, TargetModules.Pattern: not null },
            $"{Speak("layers_to_transform")} cannot go with a regular expression for the modules, as in PEFT. "
            + "Name the layers in the expression.");
        CheckVariants();
        if (options.Model.Method == FineTuneMethod.Full)
            WarnIdle("has no effect: finetuning_type is full.", s_adapterShape);
        else if (options.Model.Adapter is not null)
            WarnIdle("has no effect: the adapter keeps its own.", s_adapterShape);
    }

    private void CheckVariants()
    {
        var lora = options.Lora;
        var takesPart = lora.InitLoraWeights is LoraInitialisation.Pissa or LoraInitialisation.Olora;
        Refuse(lora is { UseDora: true, FactorBias: true },
            $"{Speak("lora_bias")} cannot be combined with use_dora, as in PEFT. Leave one of them out.");
        Refuse(lora.UseDora && takesPart,
            $"{Speak("use_dora")} cannot go with init_lora_weights {WireNames.Of(lora.InitLoraWeights)} here. Choose " +
            "true.");
        Refuse(lora.FactorBias && lora.InitLoraWeights is not (LoraInitialisation.Default or LoraInitialisation.Random),
            $"{Speak("lora_bias")} needs init_lora_weights true or false, as in PEFT.");
        if (lora.InitLoraWeights != LoraInitialisation.Pissa)
            WarnIdle("has no effect without init_lora_weights pissa.", "pissa_iter");
        if (!takesPart && options.Model.Adapter is null)
            WarnIdle("has no effect without init_lora_weights pissa or olora.", "pissa_convert");
        if (options.Optimization.LoraPlusRatio is null)
            WarnIdle("has no effect without loraplus_lr_ratio.", "loraplus_lr_embedding");
    }

    private void CheckData()
    {
        var data = options.Data;
        Refuse(needsData && options.Rewards.Rollouts is null && data.Datasets.Count == 0,
            "No dataset is given. Give a file, a folder or a hub id as 'dataset'.");
        if (data.Datasets.Concat(data.EvalDatasets).FirstOrDefault(IsConfiguration) is { } file)
            Problems.Add($"The dataset '{file}' is a configuration, not data. Put it directly after 'train'.");
        Refuse(data.HeldOut >= 1 && data.HeldOut != Math.Floor(data.HeldOut),
            $"{Speak("test_size")} is '{data.HeldOut}'. Expected a fraction below 1, or a whole number of rows.");
        Refuse(data is { HeldOut: > 0, EvalDatasets.Count: > 0 },
            $"{Speak("test_size")} and {Speak("eval_dataset")} are both given. Expected one of them.");
        Warn(data is { Packing: true, GroupByLength: true },
            $"{Speak("group_by_length")} has no effect with packing: packed sequences are equally long.");
        Warn(data is { GroupByLength: true, Shuffle: false },
            $"{Speak("shuffle")} is false, but group_by_length reorders rows.");
    }

    private void CheckOffload()
    {
        if (options.Optimization.Checkpointing == Checkpointing.None)
            WarnIdle("has no effect: gradient_checkpointing is false, so no layer is recomputed.",
                "activation_offloading");
        if (!options.Optimization.Optimized)
            WarnIdle("has no effect: optimized is false, and the reference offloads no activations.",
                "activation_offloading");
    }

    private void CheckSchedule()
    {
        var training = options.Optimization;
        var schedule = WireNames.Of(training.Scheduler);
        var arguments = SchedulerArguments(training.Scheduler);
        var expected = arguments.Length == 0 ? "nothing" : string.Join(", ", arguments);
        foreach (var name in training.SchedulerArguments.Keys.Except(arguments))
        {
            Problems.Add($"{Speak("lr_scheduler_kwargs")} holds '{name}', which the schedule {schedule} does not take. "
                + $"Expected {expected}.");
        }

        string[] required = training.Scheduler switch
        {
            SchedulerKind.CosineWithMinimum => ["min_lr", "min_lr_rate"],
            SchedulerKind.WarmupStableDecay => ["num_decay_steps"],
            _ => [],
        };
        if (required.Length > 0 && !required.Any(training.SchedulerArguments.ContainsKey))
        {
            Problems.Add($"{Speak("lr_scheduler_kwargs")} lacks {string.Join(" or ", required)}, "
                + $"without which the schedule {WireNames.Of(training.Scheduler)} is not defined.");
        }

        if (training.Scheduler == SchedulerKind.Constant)
        {
            WarnIdle(
                "has no effect: the schedule constant ignores warm-up, as in transformers. Use constant_with_warmup.",
                "warmup_ratio", "warmup_steps");
        }
        else if (training.WarmupSteps is not null)
        {
            WarnIdle("has no effect: warmup_steps is given.", "warmup_ratio");
        }

        if (training.MaxSteps is not null)
            WarnIdle("has no effect: max_steps is given.", "num_train_epochs");
        Refuse(training is { AutoFindBatchSize: true, LossDenominator: LossDenominator.Batches },
            $"{Speak("auto_find_batch_size")} cannot go with loss_denominator batches, whose loss depends on how a "
            + "step is divided. Choose targets or labels, or give per_device_train_batch_size.");
        Warn(training.LearningRate >= 0.1,
            $"{Speak("learning_rate")} is {training.LearningRate}, hundreds of times what adapters usually take.");
    }

    private void CheckEvaluation()
    {
        var evaluation = options.Evaluation;
        var isOff = evaluation.Strategy == IntervalStrategy.No;
        var missing =
            !HasEvaluation ? "needs held-out rows. Give eval_dataset or test_size."
            : isOff ? "needs evaluations, but eval_strategy is no. Choose steps or epoch."
            : null;
        if (missing is not null)
        {
            Refuse(evaluation.Strategy is IntervalStrategy.Steps or IntervalStrategy.Epoch,
                $"{Speak("eval_strategy")} {missing}");
            Refuse(evaluation.LoadBestModelAtEnd, $"{Speak("load_best_model_at_end")} {missing}");
            Refuse(evaluation.EarlyStoppingPatience is not null, $"{Speak("early_stopping_patience")} {missing}");
            Refuse(evaluation.MaxForgetting is not null, $"{Speak("max_forgetting")} {missing}");
            WarnIdle("has no effect: nothing is evaluated.",
                "eval_steps", "metric_for_best_model", "eval_questions", "eval_max_new_tokens", "probe");
        }
        else if (evaluation.Strategy == IntervalStrategy.Epoch)
        {
            WarnIdle("has no effect: eval_strategy is epoch.", "eval_steps");
        }

        Refuse(evaluation.BestMetric != BestMetric.Loss && evaluation.Questions == 0,
            $"{Speak("metric_for_best_model")} is {WireNames.Of(evaluation.BestMetric)}, which needs answers, and "
            + "eval_questions is 0. Expected loss, or at least one question.");
        CheckProbe(evaluation);
    }

    private void CheckProbe(EvaluationOptions evaluation)
    {
        var isFull = options.Model.Method == FineTuneMethod.Full;
        Refuse(isFull && (evaluation.MaxForgetting is not null || evaluation.ProbeFile is not null),
            $"{Speak(evaluation.MaxForgetting is null ? "probe" : "max_forgetting")} compares the model with its base "
            + "by taking the adapter off, and finetuning_type full leaves no base. Train with lora, or leave it out.");
        Refuse(evaluation is { MaxForgetting: not null, ProbesBuiltIn: false, ProbeFile: null },
            $"{Speak("max_forgetting")} is given, and probe is none, so that forgetting is not measured. Expected a "
            + "file, or builtin.");
    }

    private void CheckOutput()
    {
        var output = options.Output;
        Refuse(output is { Overwrite: true, ResumeFromCheckpoint: not null },
            $"{Speak("overwrite_output_dir")} would delete what {Speak("resume_from_checkpoint")} continues. "
            + "Expected one of them.");
        Refuse(output is { ResumeFromCheckpoint: "latest", OutputDir: null, RunName: null },
            $"{Speak("resume_from_checkpoint")} is latest, but no run is named. Give the run's folder as 'output'.");
        Refuse(output.ReportTo.Contains(MetricSink.None) && output.ReportTo.Count > 1,
            $"{Speak("report_to")} holds none and something else. Expected one of them.");
    }

    private void CheckExpression(string name, TargetModules? modules)
    {
        try
        {
            if (modules?.Pattern is { } pattern)
                PythonExpression.Check(pattern);
        }
        catch (ConfigurationException fault)
        {
            Problems.Add($"{Speak(name)} is '{modules!.Pattern}', which is no regular expression: "
                + $"{fault.InnerException!.Message} Expected module names, an expression, or all-linear.");
        }
    }

    private void Refuse(bool isWrong, string problem)
    {
        if (isWrong)
            Problems.Add(problem);
    }

    private void Warn(bool isOdd, string warning)
    {
        if (isOdd)
            Warnings.Add(warning);
    }

    /// <summary>Warns about options a person set to something else than the default although they do nothing.</summary>
    private void WarnIdle(string why, params string[] names)
    {
        foreach (var option in names.Select(name => _catalog.Find(name)!))
        {
            var isChanged = OptionValueWriter.ToYaml(option.Get(options)) != option.DefaultText;
            Warn(isChanged && originOf(option.Name).IsExplicit, $"{Speak(option.Name)} {why}");
        }
    }

    private string Speak(string name) => originOf(name).Speak(name);

    private static bool IsConfiguration(string path) => Path.GetExtension(path) is ".yaml" or ".yml";

    private static string[] SchedulerArguments(SchedulerKind kind) => kind switch
    {
        SchedulerKind.Cosine or SchedulerKind.CosineWithRestarts => ["num_cycles"],
        SchedulerKind.Polynomial => ["power", "lr_end"],
        SchedulerKind.InverseSquareRoot => ["timescale"],
        SchedulerKind.CosineWithMinimum => ["num_cycles", "min_lr", "min_lr_rate"],
        SchedulerKind.WarmupStableDecay => ["num_decay_steps", "min_lr_ratio", "num_cycles"],
        _ => [],
    };

    [GeneratedRegex(@"^(auto|cpu|cuda(:\d+)?)$")]
    private static partial Regex Device();
}
