using static Lorikeet.Configuration.ForeignMeaning;

namespace Lorikeet.Configuration.Dialects;

/// <summary>The lists of datasets of axolotl, each with a path and what its rows are.</summary>
internal static class AxolotlDatasets
{
    private const string OneKind =
        "All datasets of a run are read alike here: join those of other kinds into files of one kind first.";

    /// <summary>Translates a list of datasets.</summary>
    public static void Translate(FileEntry list, IReadOnlyList<FileEntry> items, Translation into, bool isEvaluation)
    {
        var paths = new List<string>();
        List<(string Name, string Value)>? common = null;
        foreach (var item in items)
        {
            var settings = new List<(string Name, string Value)>();
            foreach (var entry in item.Inner ?? [])
            {
                if (entry.Value is RawValue.Scalar { Text: null or "" })
                    continue;
                if (entry.Key == "path")
                    paths.Add(entry.Value?.Display ?? "");
                else
                    settings.AddRange(Read(entry, item, into, isEvaluation));
            }
            if (item.Inner?.Any(entry => entry.Key == "path") != true)
                into.Refuse(item, "A dataset without a path. Name its file or hub id.");
            if (common is not null && !common.Order().SequenceEqual(settings.Order()))
                into.Refuse(list, OneKind);
            common ??= settings;
        }

        into.Set(list, isEvaluation ? "eval_dataset" : "dataset", paths);
        foreach (var group in (common ?? []).GroupBy(setting => setting.Name))
        {
            if (!isEvaluation || group.Key == "dataset_test_split")
                into.Set(list, group.Key, string.Join(",", group.Select(setting => setting.Value)));
        }
    }

    /// <summary>Whether rows are instructions, which no chat template renders.</summary>
    public static bool AreInstructions(FileEntry? list) =>
        list?.Items is { Count: > 0 } items && items.All(item => Text(item, "type") == "alpaca");

    /// <summary>A chat template of axolotl's by name.</summary>
    public static ForeignMeaning Template(string name, string? jinja) => name switch
    {
        "chatml" or "alpaca" => new Same(("chat_template", name)),
        "llama3" => new Same(("chat_template", "llama-3")),
        "jinja" when jinja is not null && !jinja.Contains("{%") && !jinja.Contains("{{") =>
            new Same(("chat_template", jinja)),
        "jinja" => new Refused("Save the template in a file, and name that with chat_template."),
        "tokenizer_default" => new Same(("chat_template", "tokenizer")),
        _ when name.StartsWith("tokenizer_default_fallback_", StringComparison.Ordinal) =>
            new Same(("chat_template", "tokenizer")),
        _ => new Refused("Expected llama3, chatml, alpaca or tokenizer_default; give another as a file with Jinja."),
    };

    private static IEnumerable<(string Name, string Value)> Read(
        FileEntry entry, FileEntry item, Translation into, bool isEvaluation)
    {
        var text = entry.Value?.Display ?? "";
        switch (entry.Key)
        {
            case "type" when entry.Inner is { } fields:
                return Fields(fields, into);
            case "type":
                return Kind(entry, text, item, into);
            case "split":
                return [(isEvaluation ? "dataset_test_split" : "dataset_train_split", text)];
            case "data_files":
                return [("data_files", text)];
            case "name":
                return [("dataset_config", text)];
            case "revision":
                return [("dataset_revision", text)];
            case "field":
                return [("dataset_text_field", text)];
            case "field_messages" when text is not ("messages" or "conversations"):
                return [("column_map", $"messages={text}")];
            case "chat_template" when Template(text, Text(item, "chat_template_jinja")) is Same same:
                return same.Settings;
            case "roles_to_train" when text == "assistant":
            case "field_messages" or "message_field_role" or "message_field_content" or "message_property_mappings"
                or "roles":
            case "chat_template_jinja" or "ds_type" or "train_on_eos" or "trust_remote_code"
                or "message_field_training":
            case "drop_system_message" when OptionValueReader.IsFalse(text):
                return [];
            default:
                into.Refuse(entry, "It is not known here for a dataset, and may change what is learned. Remove it.");
                return [];
        }
    }

    private static IEnumerable<(string Name, string Value)> Kind(
        FileEntry entry, string type, FileEntry item, Translation into)
    {
        switch (type.Split(':', '.')[0])
        {
            case "alpaca" when type == "alpaca":
                return [("dataset_shape", "instruction"), ("chat_template", "alpaca")];
            case "completion":
                return [("dataset_shape", "text"), ("train_on", "all")];
            case "sharegpt":
                return [("dataset_shape", "sharegpt")];
            case "chat_template":
                var names = Text(item, "message_property_mappings") ?? Text(item, "message_field_role") ?? "";
                return names.Contains("from") ? [("dataset_shape", "sharegpt")] : [];
            case "chatml" or "llama3" when IsPreference(into):
                return type.StartsWith("chatml", StringComparison.Ordinal)
                    ? [("chat_template", "chatml")]
                    : [("chat_template", "llama-3")];
            default:
                into.Refuse(entry, "Expected alpaca, chat_template, sharegpt or completion. Remove it to have the " +
                    "shape detected from the columns.");
                return [];
        }
    }

    /// <summary>Whether the run learns preferences; then kinds say how conversations are written.</summary>
    private static bool IsPreference(Translation file) =>
        file.TextOf("rl") is { } method && !OptionValueReader.IsFalse(method);

    /// <summary>A kind of the user's own: which column is what.</summary>
    private static IEnumerable<(string Name, string Value)> Fields(IReadOnlyList<FileEntry> fields, Translation into)
    {
        foreach (var field in fields.Where(field => field.Value is RawValue.Scalar { Text.Length: > 0 }))
        {
            switch (field.Key)
            {
                case "field_instruction" or "field_input" or "field_output" or "field_system":
                    yield return ("column_map", $"{field.Key["field_".Length..]}={field.Value!.Display}");
                    break;
                default:
                    into.Refuse(
                        field, "Write the prompt as a Jinja template in a file, and name that with chat_template.");
                    break;
            }
        }
    }

    private static string? Text(FileEntry item, string key) =>
        item.Inner?.FirstOrDefault(entry => entry.Key == key)?.Value is { } value
            and not RawValue.Scalar { Text: null } ? value.Display : null;
}
