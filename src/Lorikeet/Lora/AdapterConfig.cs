using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Options;

namespace Lorikeet.Lora;

/// <summary>
/// PEFT's <c>adapter_config.json</c>: written with few keys, so that every PEFT since 0.4 loads it, and read with many.
/// </summary>
/// <remarks>Reference: peft <c>config.py</c>; between 0.6 and 0.13 an unknown key is an error there.</remarks>
internal static class AdapterConfig
{
    public const string FileName = "adapter_config.json";

    // What these keys ask for changes the result and is not implemented; anything but the listed default is refused.
    private static readonly string[] s_refused =
    [
        "use_dora", "use_qalora", "use_bdlora", "lora_bias", "layer_replication", "trainable_token_indices",
        "target_parameters", "alora_invocation_tokens", "fan_in_fan_out", "arrow_config", "kasa_config", "velora_config",
        "monteclora_config",
    ];

    /// <summary>The settings as PEFT writes them: two spaces, keys sorted.</summary>
    public static string Write(LoraOptions settings, string? baseModel)
    {
        var json = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = baseModel,
            ["bias"] = settings.Bias switch { LoraBias.All => "all", LoraBias.LoraOnly => "lora_only", _ => "none" },
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["layers_pattern"] = settings.LayersPattern is { Count: > 0 } patterns ? Strings(patterns) : null,
            ["layers_to_transform"] = settings.LayersToTransform is { } layers ? new JsonArray([.. layers.Select(layer => (JsonNode)layer)]) : null,
            ["lora_alpha"] = Number(settings.Alpha),
            ["lora_dropout"] = settings.Dropout,
            ["modules_to_save"] = settings.ModulesToSave.Count > 0 ? Strings(settings.ModulesToSave) : null,
            ["peft_type"] = "LORA",
            ["r"] = settings.Rank,
            ["revision"] = null,
            ["target_modules"] = Selector(settings.TargetModules),
            ["task_type"] = "CAUSAL_LM",
        };
        if (settings.ExcludeModules is { } excluded) json["exclude_modules"] = Selector(excluded);
        if (settings.UseRsLora) json["use_rslora"] = true;
        if (settings.RankPattern.Count > 0)
            json["rank_pattern"] = new JsonObject(settings.RankPattern.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value)));
        if (settings.AlphaPattern.Count > 0)
            json["alpha_pattern"] = new JsonObject(settings.AlphaPattern.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)Number(pair.Value))));
        return new JsonObject(json).ToJsonString(s_format) + "\n";
    }

    /// <summary>Reads the file of an adapter folder.</summary>
    /// <exception cref="CheckpointException">Missing, damaged, not LoRA, or a variant that is not supported.</exception>
    public static (LoraOptions Settings, string? BaseModel) Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new CheckpointException(
                $"'{path}' was not found. A PEFT adapter folder was expected, with {FileName} and adapter_model.safetensors.");
        }

        try
        {
            var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
            Refuse(json, path);
            return (Parse(json, path), json["base_model_name_or_path"]?.GetValue<string>());
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or FormatException)
        {
            throw new CheckpointException($"'{path}' is not an adapter configuration: {fault.Message}", fault);
        }
    }

    private static LoraOptions Parse(JsonObject json, string path) => new()
    {
        Rank = json["r"]?.GetValue<int>() ?? 8,
        Alpha = json["lora_alpha"]?.GetValue<double>() ?? 8,
        Dropout = json["lora_dropout"]?.GetValue<double>() ?? 0,
        TargetModules = ReadSelector(json["target_modules"]) ?? TargetModules.Named("q_proj", "v_proj"),
        ExcludeModules = ReadSelector(json["exclude_modules"]),
        LayersToTransform = json["layers_to_transform"] switch
        {
            JsonArray list => [.. list.Select(layer => layer!.GetValue<int>())],
            JsonValue one => [one.GetValue<int>()],
            _ => null,
        },
        LayersPattern = json["layers_pattern"] switch
        {
            JsonArray list => [.. list.Select(pattern => pattern!.GetValue<string>())],
            JsonValue one => [one.GetValue<string>()],
            _ => null,
        },
        RankPattern = Pattern<int>(json["rank_pattern"]),
        AlphaPattern = Pattern<double>(json["alpha_pattern"]),
        Bias = json["bias"]?.GetValue<string>() switch
        {
            null or "none" => LoraBias.None,
            "all" => LoraBias.All,
            "lora_only" => LoraBias.LoraOnly,
            var other => throw new CheckpointException($"bias '{other}' is unknown. Expected none, all or lora_only. Where: {path}."),
        },
        ModulesToSave = json["modules_to_save"] is JsonArray modules ? [.. modules.Select(module => module!.GetValue<string>())] : [],
        UseRsLora = json["use_rslora"]?.GetValue<bool>() ?? false,
    };

    private static void Refuse(JsonObject json, string path)
    {
        var type = json["peft_type"]?.GetValue<string>();
        if (type != "LORA")
            throw new CheckpointException($"peft_type is '{type}'. Expected 'LORA'. Where: {path}.");
        foreach (var key in s_refused)
        {
            var value = json[key];
            var isDefault = value is null or JsonArray { Count: 0 } or JsonObject { Count: 0 }
                || (value is JsonValue flag && flag.TryGetValue<bool>(out var on) && !on);
            if (!isDefault)
                throw new CheckpointException($"'{key}' is {value!.ToJsonString()}, a variant of LoRA that is not supported. Where: {path}.");
        }
    }

    private static TargetModules? ReadSelector(JsonNode? node) => node switch
    {
        null => null,
        JsonArray { Count: 0 } => null,
        JsonArray names => TargetModules.Named([.. names.Select(name => name!.GetValue<string>())]),
        _ when node.GetValue<string>() == "all-linear" => TargetModules.AllLinear,
        _ => TargetModules.Matching(node.GetValue<string>()),
    };

    private static JsonNode Selector(TargetModules selector) =>
        selector.Names is { } names ? Strings(names) : selector.ToString();

    private static Dictionary<string, T> Pattern<T>(JsonNode? node) =>
        node is JsonObject json ? json.ToDictionary(pair => pair.Key, pair => pair.Value!.GetValue<T>()) : [];

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(value => (JsonNode)value)]);

    // PEFT's own files hold integers where alpha is whole.
    private static JsonNode Number(double value) => value == Math.Floor(value) ? (long)value : value;

    private static readonly JsonSerializerOptions s_format = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
