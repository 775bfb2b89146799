using static Lorikeet.Configuration.ForeignMeaning;

namespace Lorikeet.Configuration.Dialects;

/// <summary>
/// Configurations of Unsloth's studio and command line: groups <c>data</c>, <c>training</c>, <c>lora</c> and
/// <c>logging</c>.
/// </summary>
/// <remarks>Source: the configurations that Unsloth's studio ships.</remarks>
internal sealed class UnslothDialect : Dialect
{
    private static readonly string[] s_groups = ["data", "training", "lora", "logging"];

    public override string Name => "Unsloth";

    protected override IReadOnlyList<string> Marks { get; } = ["training"];

    protected override IReadOnlyList<(string Start, string Reason)> Idle { get; } =
    [
        ("wandb_", NoTracker), ("enable_wandb", NoTracker), ("tensorboard_dir", "Event files lie in the run's folder."),
        ("vision_", TextOnly), ("finetune_vision", TextOnly),
    ];

    protected override IReadOnlyDictionary<string, Func<string, ForeignMeaning?>> Names { get; } =
        new Dictionary<string, Func<string, ForeignMeaning?>>
        {
            ["training_type"] = Choice("Expected lora, qlora or full.",
                ("lora", new Same(("finetuning_type", "lora"))), ("qlora", new Same(("finetuning_type", "lora"))),
                ("LoRA/QLoRA", new Same(("finetuning_type", "lora"))), ("full", new Same(("finetuning_type", "full"))),
                ("Full Finetuning", new Same(("finetuning_type", "full")))),
            ["format_type"] = Choice("Expected auto, alpaca, chatml or sharegpt; 'dataset_shape' has more.",
                ("auto", new Same()), ("alpaca", new Same(("dataset_shape", "instruction"))),
                ("chatml", new Same(("dataset_shape", "messages"))),
                ("sharegpt", new Same(("dataset_shape", "sharegpt")))),
            ["batch_size"] = Is("per_device_train_batch_size"),
            ["random_seed"] = Is("seed"),
            ["random_state"] = Is("seed"),
            ["max_steps"] = Unless("0", null),
            ["save_steps"] = Unless("0", new Same(("save_strategy", "no"))),
            ["eval_steps"] = Unless("0", new Same(("eval_strategy", "no"))),
            ["train_on_completions"] = value =>
                new Same(("train_on", OptionValueReader.IsTrue(value) ? "answer" : "all")),
            ["gradient_checkpointing"] = value => value switch
            {
                "unsloth" => new Same(("gradient_checkpointing", "true"), ("activation_offloading", "true")),
                "none" => new Same(("gradient_checkpointing", "false")),
                _ => null,
            },
            ["enable_tensorboard"] = _ => new Same(),
            ["use_loftq"] = OnlyOff(Absent),
            ["finetune_language_layers"] = OnlyOn,
            ["finetune_attention_modules"] = OnlyOn,
            ["finetune_mlp_modules"] = OnlyOn,
        };

    protected override IEnumerable<(string Name, string Value)> Defaults(Translation file) => [];

    protected override bool Take(string name, FileEntry entry, Translation into)
    {
        if (!s_groups.Contains(name) || entry.Inner is not { } inner)
            return false;
        foreach (var option in inner)
            Translate(OptionCatalog.Normalise(option.Key), option, into);
        return true;
    }

    private static Func<string, ForeignMeaning?> Unless(string value, Same? meaning) =>
        given => given == value ? meaning ?? new Same() : null;

    private static ForeignMeaning OnlyOn(string value) => OptionValueReader.IsTrue(value)
        ? new Same()
        : new Refused("Which layers have adapters is said by lora_target_modules. Name them there, and remove this.");
}
