using Lorikeet.Configuration;
using Lorikeet.Formats;

namespace Lorikeet.Tests.Options;

public sealed class OptionCatalogTests
{
    public static TheoryData<string> Names => [.. OptionCatalog.Training.Options.Select(option => option.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Option_IsDocumentedAndGivesAReasonForItsDefault(string name)
    {
        var option = OptionCatalog.Training.Find(name)!;
        Assert.True(option.Help.Length > 8 && option.Help.EndsWith('.'), $"{name}: '{option.Help}'");
        Assert.True(option.Reason.Length > 3 && option.Reason.EndsWith('.'), $"{name}: '{option.Reason}'");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Documentation_NamesTheDefaultFirst(string name)
    {
        var option = OptionCatalog.Training.Find(name)!;
        string[] starts = option.DefaultText switch
        {
            "null" => ["Not set"],
            "false" => ["Off", "false"],
            "true" => ["On", "true"],
            "[]" or "{}" => ["None", "Required"],
            "\"\"" => ["Required", "None"],
            var text => [text.Trim('[', ']', '"')],
        };
        Assert.True(
            Array.Exists(
                starts, start => option.DocumentedDefault.StartsWith(start, StringComparison.OrdinalIgnoreCase)),
            $"{name}: the default is {option.DefaultText}, and its <value> is '{option.DocumentedDefault}'");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Default_IsReadBackFromItsOwnText(string name)
    {
        var option = OptionCatalog.Training.Find(name)!;
        var text = OptionValueWriter.ToYaml(option.Default);
        var entry = Assert.Single(ConfigurationFile.Parse(new StringReader($"{name}: {text}"), "test"));
        var value = OptionValueReader.Read(option, entry.Value!, out var expected);
        Assert.Null(expected);
        Assert.Equal(text, OptionValueWriter.ToYaml(value));
    }

    [Theory]
    [InlineData("per-device-train-batch-size", "per_device_train_batch_size")]
    [InlineData("max_seq_length", "max_length")]
    [InlineData("evaluation_strategy", "eval_strategy")]
    [InlineData("model_name_or_path", "model")]
    [InlineData("output_dir", "output")]
    [InlineData("dataset_name", "dataset")]
    [InlineData("dtype", "torch_dtype")]
    [InlineData("target_modules", "lora_target_modules")]
    [InlineData("LR", "learning_rate")]
    public void Find_KnowsBothVocabularies(string name, string canonical) =>
        Assert.Equal(canonical, OptionCatalog.Training.Find(name)?.Name);

    /// <summary>Every name the issue promises.</summary>
    [Theory]
    [InlineData("per_device_train_batch_size gradient_accumulation_steps learning_rate lr_scheduler_type warmup_ratio")]
    [InlineData("warmup_steps max_steps num_train_epochs weight_decay max_grad_norm optim max_seq_length packing")]
    [InlineData("group_by_length gradient_checkpointing load_in_4bit bnb_4bit_quant_type bnb_4bit_use_double_quant")]
    [InlineData("bnb_4bit_compute_dtype lora_r lora_alpha lora_dropout lora_target_modules bias modules_to_save")]
    [InlineData("use_rslora neftune_noise_alpha eval_steps save_steps save_total_limit load_best_model_at_end")]
    [InlineData("logging_steps seed resume_from_checkpoint report_to")]
    [InlineData("torch_dtype device adapter shuffle dry_run preset progress libtorch")]
    public void Find_KnowsEveryNameUsersBring(string names) =>
        Assert.All(names.Split(' '), name => Assert.NotNull(OptionCatalog.Training.Find(name)));

    [Theory]
    [InlineData("lora_alpah", "lora_alpha")]
    [InlineData("gradient_acumulation_steps", "gradient_accumulation_steps")]
    [InlineData("wamup_ratio", "warmup_ratio")]
    [InlineData("completly_different_thing", null)]
    public void Nearest_FindsSlipsAndNothingFarther(string typed, string? meant) =>
        Assert.Equal(meant, OptionCatalog.Training.Nearest(typed));

    [Theory]
    [InlineData("abcd", "abcd", 0)]
    [InlineData("abcd", "abdc", 1)]
    [InlineData("abcd", "acd", 1)]
    [InlineData("", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    public void Distance_CountsEdits(string a, string b, int edits) => Assert.Equal(edits, NearestName.Distance(a, b));
}
