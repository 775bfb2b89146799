using Lorikeet.Configuration;
using Lorikeet.Models.Native;

namespace Lorikeet.Tests.Options;

public sealed class ForeignOptionsTests
{
    [Theory]
    [InlineData("bf16", "true", "torch_dtype", "bfloat16")]
    [InlineData("bf16", "false", "torch_dtype", "auto")]
    [InlineData("use_cpu", "true", "device", "cpu")]
    [InlineData("use_peft", "false", "finetuning_type", "full")]
    [InlineData("train_on_inputs", "true", "train_on", "all")]
    [InlineData("completion_only_loss", "true", "train_on", "answer")]
    [InlineData("train_sampling_strategy", "group_by_length", "group_by_length", "true")]
    [InlineData("train_sampling_strategy", "sequential", "shuffle", "false")]
    [InlineData("quantization_bit", "8", "load_in_8bit", "true")]
    [InlineData("validation_split_percentage", "5", "test_size", "0.05")]
    [InlineData("warmup_steps", "0.1", "warmup_ratio", "0.1")]
    [InlineData("warmup_steps", "10", "warmup_steps", "10")]
    [InlineData("warmup_steps", "0", "warmup_steps", "0")]
    [InlineData("init_lora_weights", "pissa_niter_4", "pissa_iter", "4")]
    [InlineData("init_lora_weights", "PiSSA", "init_lora_weights", "pissa")]
    [InlineData("pissa_init", "true", "init_lora_weights", "pissa")]
    [InlineData("max_steps", "-1", "max_steps", "null")]
    [InlineData("resume_from_checkpoint", "False", "resume_from_checkpoint", "null")]
    [InlineData("metric_for_best_model", "eval_loss", "load_best_model_at_end", "false")]
    public void ForeignName_SetsTheOptionWithTheSameEffect(string name, string value, string option, string expected)
    {
        var options = Resolve(name, value).Options;
        Assert.Equal(expected, OptionValueWriter.ToYaml(OptionCatalog.Training.Find(option)!.Get(options)));
    }

    [Theory]
    [InlineData("trust_remote_code", "true", "--trust_remote_code is 'true'. Code from the hub is never run here")]
    [InlineData("deepspeed", "zero3.json", "zero_stage")]
    [InlineData("hub_token", "hf_x", "set HF_TOKEN")]
    [InlineData("report_to", "wandb", "read its event files")]
    [InlineData("metric_for_best_model", "accuracy", "Expected loss, exact_match, f1")]
    [InlineData("init_lora_weights", "eva", "not collected here")]
    [InlineData("init_lora_weights", "loftq", "fit no other copy of the base")]
    [InlineData("layer_replication", "[[0,4]]", "each once")]
    [InlineData("quantization_bit", "3", "Expected 4 or 8.")]
    [InlineData("fp16", "True", "is float16, which overflows in training")]
    [InlineData("bf16", "maybe", "Expected true or false.")]
    public void ForeignName_ThatWouldChangeTheResult_IsRefusedWithAReason(string name, string value, string expected) =>
        Assert.Contains(expected, Assert.Throws<ConfigurationException>(() => Resolve(name, value)).Message);

    [Theory]
    [InlineData("hub_token")]
    [InlineData("token")]
    [InlineData("use_auth_token")]
    [InlineData("push_to_hub_token")]
    public void Token_IsRefusedWithoutItsValue(string name)
    {
        var fault = Assert.Throws<ConfigurationException>(() => Resolve(name, "my-SECRET"));
        Assert.Contains($"--{name} is given", fault.Message);
        Assert.DoesNotContain("SECRET", fault.ToString());
    }

    [Fact]
    public void MixedPrecisionFlag_OverridesAutomaticTypeButNotAnotherType()
    {
        Assert.Equal(ComputeType.BFloat16, Resolve(("torch_dtype", "auto"), ("bf16", "true")).Options.Model.TorchDtype);
        var fault = Assert.Throws<ConfigurationException>(() => Resolve(("bf16", "true"), ("torch_dtype", "float32")));
        Assert.Contains("--torch_dtype sets torch_dtype to 'float32', but --bf16 sets it to 'bfloat16'", fault.Message);
    }

    [Fact]
    public void TypeOfFourBitProducts_IsTheTypeOfTheModelUnlessThatIsNamed()
    {
        (string, string)[] quantized = [("load_in_4bit", "true"), ("bnb_4bit_compute_dtype", "bfloat16")];
        Assert.Equal(ComputeType.BFloat16, Resolve(quantized).Options.Model.TorchDtype);

        var resolved = Resolve([.. quantized, ("torch_dtype", "float32")]);
        Assert.Equal(ComputeType.Float32, resolved.Options.Model.TorchDtype);
        Assert.StartsWith("--bnb_4bit_compute_dtype has no effect", Assert.Single(resolved.Warnings));
    }

    [Fact]
    public void EveryTarget_IsAnOptionThatTakesTheValue()
    {
        string[] values = ["true", "false", "4", "8", "5", "0.1", "group_by_length", "random", "sequential", "cpu"];
        var settings =
            from option in ForeignOptions.All.Values
            from value in values
            let same = option.Interpret(value) as ForeignMeaning.Same
            where same is not null
            from pair in same.Settings
            where pair.Name != "device"
            select pair;
        Assert.All(settings, pair =>
        {
            var option = OptionCatalog.Training.Find(pair.Name);
            Assert.NotNull(option);
            OptionValueReader.Read(option, new RawValue.Scalar(pair.Value), out var expected);
            Assert.Null(expected);
        });
    }

    private static ResolvedOptions Resolve(string name, string value) => Resolve((name, value));

    private static ResolvedOptions Resolve(params (string Name, string Value)[] settings) =>
        OptionsResolver.Resolve(null, [.. settings.Concat([("model", "base"), ("dataset", "rows.jsonl")])
            .Select(pair => new Setting(pair.Item1, new RawValue.Scalar(pair.Item2), OptionOrigin.CommandLine))]);
}
