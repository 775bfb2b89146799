using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Lora;

/// <summary>
/// PEFT's <c>adapter_config.json</c>: written with few keys, so that every PEFT since 0.4 loads it, and read with many.
/// </summary>
/// <param name="Settings">The adapter's form.</param>
/// <param name="BaseModel">The base it names.</param>
/// <param name="Warnings">What was read and left out of account.</param>
/// <remarks>Reference: peft <c>config.py</c>; between 0.6 and 0.13 an unknown key is an error there.</remarks>
internal sealed record AdapterConfig(LoraOptions Settings, string? BaseModel, IReadOnlyList<string> Warnings)
{
    public const string FileName = "adapter_config.json";

    // Far above any hidden size; a larger one would only fill memory.
    private const int LargestRank = 1 << 16;

    private const string Pissa = "pissa";
    private const string PissaIterations = "pissa_niter_";
    private const string Olora = "olora";

    // What these keys ask for changes the result; anything but the listed default is refused, for the reason beside it.
    private static readonly Dictionary<string, string> s_refused = new()
    {
        ["use_qalora"] = "QALoRA pools the input of A",
        ["use_bdlora"] = "BD-LoRA has block-diagonal factors",
        ["layer_replication"] = "the model has its layers once each",
        ["trainable_token_indices"] = "single rows of the embedding are not replaced",
        ["target_parameters"] = "only whole modules carry factors",
        ["alora_invocation_tokens"] = "activated LoRA acts on some positions only",
        ["arrow_config"] = "Arrow routes each token to other factors",
        ["kasa_config"] = "KaSA puts singular values between the factors",
        ["velora_config"] = "VeLoRA trains on compressed activations",
        ["monteclora_config"] = "MonteCLoRA draws its factors",
        ["ensure_weight_tying"] = "factors are not shared between embedding and head",
    };

    // What PEFT 0.4 to 0.21 write and what says nothing about the result.
    private static readonly string[] s_known =
    [
        "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "corda_config", "enable_lora", "eva_config",
        "exclude_modules", "fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern",
        "layers_to_transform",
        "loftq_config", "lora_alpha", "lora_bias", "lora_dropout", "lora_ga_config", "megatron_config", "megatron_core",
        "merge_weights", "modules_to_save", "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern",
        "revision", "runtime_config", "target_modules", "task_type", "use_dora", "use_rslora",
    ];

    /// <summary>The settings as PEFT writes them: two spaces, keys sorted.</summary>
    public static string Write(LoraOptions settings, string? baseModel)
    {
        var json = new SortedDictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = baseModel,
            ["bias"] = WireNames.Of(settings.Bias),
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = true,
            ["init_lora_weights"] = Initialisation(settings),
            ["layers_pattern"] = settings.LayersPattern is { Count: > 0 } patterns ? Strings(patterns) : null,
            ["layers_to_transform"] = settings.LayersToTransform is { Count: > 0 } layers
                ? new JsonArray([.. layers.Select(layer => (JsonNode)layer)])
                : null,
            ["lora_alpha"] = Number(settings.Alpha),
            ["lora_dropout"] = settings.Dropout,
            ["modules_to_save"] = settings.ModulesToSave.Count > 0 ? Strings(settings.ModulesToSave) : null,
            ["peft_type"] = "LORA",
            ["r"] = settings.Rank,
            ["revision"] = null,
            ["target_modules"] = Selector(settings.TargetModules),
            ["task_type"] = "CAUSAL_LM",
        };
        if (settings.ExcludeModules is { } excluded)
            json["exclude_modules"] = Selector(excluded);
        if (settings.UseRsLora)
            json["use_rslora"] = true;
        if (settings.UseDora)
            json["use_dora"] = true;
        if (settings.FactorBias)
            json["lora_bias"] = true;
        if (settings.RankPattern.Count > 0)
            json["rank_pattern"] = Pattern(settings.RankPattern, rank => rank);
        if (settings.AlphaPattern.Count > 0)
            json["alpha_pattern"] = Pattern(settings.AlphaPattern, Number);
        return PythonJson.Indented(new JsonObject(json));
    }

    /// <summary>Reads the file of an adapter folder.</summary>
    /// <exception cref="CheckpointException">
    /// Missing, damaged, not LoRA, or a variant that is not supported.
    /// </exception>
    public static AdapterConfig Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            ModelSource.RequireNoFile(folder);
            var inRun = Path.Combine(folder, "adapter");
            throw new CheckpointException(
                $"'{path}' was not found. A PEFT adapter folder was expected, with {FileName} and " +
                "adapter_model.safetensors."
                + (Directory.Exists(inRun) ? $" Did you mean '{inRun}'?"
                    : File.Exists(Path.Combine(folder, "config.json"))
                        ? " It is the folder of a model: name it by 'model'."
                    : ""));
        }

        var json = JsonSetting.Read(new JsonOrigin(path)
        {
            Advice = "If it was trained so, train it without; if the file is damaged, take it from its source again.",
        }).RequireObject();
        Refuse(json);
        var baseModel = Found(json["base_model_name_or_path"].AsStringOrNull(), path);
        return new AdapterConfig(Parse(json), baseModel, [.. Warn(json, path)]);
    }

    private static LoraOptions Parse(JsonSetting json)
    {
        var (initialisation, iterations) = ReadInitialisation(json["init_lora_weights"]);
        return new LoraOptions
        {
            Rank = json["r"].IsAbsent ? 8 : json["r"].AsIntBetween(1, LargestRank),
            Alpha = json["lora_alpha"].IsAbsent ? 8 : json["lora_alpha"].AsDouble(),
            Dropout = json["lora_dropout"].AsDoubleBetweenOrNull(0, 1) ?? 0,
            TargetModules = ReadSelector(json["target_modules"]) ?? TargetModules.Named("q_proj", "v_proj"),
            ExcludeModules = ReadSelector(json["exclude_modules"]),
            LayersToTransform = json["layers_to_transform"] is { IsMissing: false } layers
                ? [.. layers.ItemsOrOne().Select(layer => layer.AsIntBetween(0, int.MaxValue))]
                : null,
            LayersPattern = Names(json["layers_pattern"]),
            RankPattern = json["rank_pattern"].MembersOrNone()
                .ToDictionary(pair => pair.Name, pair => pair.Value.AsIntBetween(1, LargestRank)),
            AlphaPattern = json["alpha_pattern"].MembersOrNone()
                .ToDictionary(pair => pair.Name, pair => pair.Value.AsDouble()),
            Bias = WireNames.Find(typeof(LoraBias), json["bias"].AsString("none")) is LoraBias bias ? bias
                : throw json["bias"].Unexpected("none, all or lora_only"),
            ModulesToSave = Names(json["modules_to_save"]) ?? [],
            UseRsLora = IsOn(json["use_rslora"]),
            UseDora = IsOn(json["use_dora"]),
            FactorBias = IsOn(json["lora_bias"]),
            InitLoraWeights = initialisation,
            PissaIterations = iterations,
        };
    }

    /// <summary>What matters of it once there are weights: whether the base has given up a part.</summary>
    private static (LoraInitialisation, int?) ReadInitialisation(JsonSetting setting)
    {
        var name = InitialisationOf(setting);
        if (name.StartsWith(PissaIterations, StringComparison.Ordinal)
            && int.TryParse(name[PissaIterations.Length..], out var count))
            return (LoraInitialisation.Pissa, count);
        return name switch
        {
            Pissa => (LoraInitialisation.Pissa, null),
            Olora => (LoraInitialisation.Olora, null),
            "true" or "gaussian" or "eva" or "orthogonal" => (LoraInitialisation.Default, null),
            _ => throw setting.Unexpected(
                "what leaves the base as it is, or pissa or olora: this adapter belongs to a base whose weights were " +
                "changed in a way that its files do not tell. Save it in PEFT with " +
                "path_initial_model_for_weight_conversion, which makes it plain LoRA"),
        };
    }

    // Whether fresh factors were zero (false: they were not) says nothing about trained ones.
    private static string InitialisationOf(JsonSetting setting) =>
        setting.IsMissing || setting.IsBool ? "true" : setting.AsString().ToLowerInvariant();

    private static JsonNode Initialisation(LoraOptions settings) => settings switch
    {
        { InitLoraWeights: LoraInitialisation.Pissa, PissaIterations: { } count } => $"{PissaIterations}{count}",
        { InitLoraWeights: LoraInitialisation.Pissa } => Pissa,
        { InitLoraWeights: LoraInitialisation.Olora } => Olora,
        _ => true,
    };

    private static void Refuse(JsonSetting json)
    {
        if (json["peft_type"].AsString() != "LORA")
            throw json["peft_type"].Unexpected("\"LORA\"");
        foreach (var (key, reason) in s_refused)
        {
            if (!IsDefault(json[key]))
                throw json[key].Unexpected($"nothing: a variant of LoRA that is not supported, because {reason}");
        }

        var name = InitialisationOf(json["init_lora_weights"]);
        if ((name.StartsWith(Pissa, StringComparison.Ordinal) || name == Olora) && IsOn(json["use_dora"]))
            throw json["use_dora"].Unexpected($"false: together with {name} (init_lora_weights) it is not supported");
    }

    /// <summary>
    /// A base named by a relative path is there from where it was trained: the working folder, or one above the
    /// adapter.
    /// </summary>
    private static string? Found(string? name, string path)
    {
        if (name is null || Directory.Exists(name))
            return name;
        for (var folder = Directory.GetParent(Path.GetFullPath(path)); folder is not null; folder = folder.Parent)
            if (Path.Combine(folder.FullName, name) is var candidate && Directory.Exists(candidate))
                return candidate;
        return name;
    }

    private static IEnumerable<string> Warn(JsonSetting json, string path)
    {
        var unknown = json.Members()
            .Where(member => !s_known.Contains(member.Name) && !s_refused.ContainsKey(member.Name)
                && !IsDefault(member.Value))
            .Select(member => member.Name).ToList();
        if (unknown.Count > 0)
            yield return $"'{path}' has keys that are unknown here and were left out of account: " +
                $"{string.Join(", ", unknown)}.";
        if (IsOn(json["fan_in_fan_out"]))
        {
            yield return $"'{path}' says fan_in_fan_out, which the linear layers of these models are not; "
                + "it was ignored, as PEFT does.";
        }
    }

    private static bool IsDefault(JsonSetting value) =>
        value.IsMissing || (value.IsBool && !value.AsBool()) || (value.IsArray && !value.Items().Any())
        || (value.IsObject && !value.Members().Any());

    private static bool IsOn(JsonSetting flag) => flag.AsBool(otherwise: false);

    private static TargetModules? ReadSelector(JsonSetting setting)
    {
        if (setting.IsMissing)
            return null;
        if (!setting.IsArray)
            return setting.AsString() is "all-linear"
                ? TargetModules.AllLinear
                : TargetModules.Matching(setting.AsString());
        string[] names = [.. setting.Items().Select(name => name.AsString())];
        return names.Length == 0 ? null : TargetModules.Named(names);
    }

    private static JsonNode Selector(TargetModules selector) =>
        selector.Names is { } names ? Strings(names) : selector.ToString();

    private static List<string>? Names(JsonSetting setting) =>
        setting.IsMissing ? null : [.. setting.ItemsOrOne().Select(name => name.AsString())];

    private static JsonObject Pattern<T>(IReadOnlyDictionary<string, T> pattern, Func<T, JsonNode?> write) =>
        new(pattern.Select(pair => KeyValuePair.Create(pair.Key, write(pair.Value))));

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(value => (JsonNode)value)]);

    // PEFT's own files hold integers where alpha is whole. (A conditional of both numbers would make both a double.)
    private static JsonNode Number(double value) =>
        value == Math.Floor(value) && Math.Abs(value) < long.MaxValue
            ? JsonValue.Create((long)value)
            : JsonValue.Create(value);
}
