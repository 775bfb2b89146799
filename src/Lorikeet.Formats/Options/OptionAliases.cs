namespace Lorikeet.Formats.Options;

/// <summary>
/// The other names of options that several commands have. They stand here once, so that all commands know the same;
/// names of an option that one command has stand in its attribute.
/// </summary>
internal static class OptionAliases
{
    private static readonly Dictionary<string, string[]> s_shared = new()
    {
        ["activation_offloading"] = ["offload_checkpoints"],
        ["adapter"] = ["adapter_name_or_path", "peft_model_id", "lora_path"],
        ["chat_template"] = ["chat_template_path"],
        ["column_map"] = ["columns"],
        ["context_parallel_size"] = ["cp_size"],
        ["csv_columns"] = ["csv_names"],
        ["csv_escape"] = ["csv_escapechar"],
        ["csv_separator"] = ["csv_delimiter", "csv_sep"],
        ["dataset_config"] = ["dataset_config_name"],
        ["dataset_shape"] = ["dataset_format"],
        ["dataset_text_field"] = ["text_field", "text_column"],
        ["dtype"] = ["torch_dtype"],
        ["input"] = ["input_file", "dataset"],
        ["max_eval_samples"] = ["limit"],
        ["model"] = ["model_name_or_path", "model_name", "base_model", "pretrained_model_name_or_path", "base"],
        ["output"] = ["output_file"],
        ["overwrite_output_dir"] = ["overwrite"],
        ["revision"] = ["model_revision"],
        ["system"] = ["system_prompt"],
        ["torch_dtype"] = ["dtype"],
    };

    /// <summary>The other names of an option that several commands have; none for other options.</summary>
    public static IReadOnlyList<string> Of(string name) => s_shared.GetValueOrDefault(name, []);
}
