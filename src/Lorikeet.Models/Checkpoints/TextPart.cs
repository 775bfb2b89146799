using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Models.Checkpoints;

/// <summary>
/// The text part of a model that sees images too (Gemma 3 from 4B on): a decoder like any other, whose configuration
/// lies in <c>text_config</c> and whose tensors have a prefix.
/// </summary>
internal sealed unsafe class TextPart : ITensorSource
{
    private const string Key = "text_config";

    // As transformers 4 wrote it, and as its modules are called since.
    private static readonly (string There, string Here)[] s_prefixes =
    [
        ("language_model.model.", "model."), ("model.language_model.", "model."),
        ("language_model.lm_head.", "lm_head."),
    ];

    private static readonly string[] s_ofWhole =
    [
        "dtype", "torch_dtype", "bos_token_id", "eos_token_id", "pad_token_id", "tie_word_embeddings",
        "quantization_config", "transformers_version",
    ];

    private readonly ITensorSource _whole;
    private readonly ITensorSource _part;

    private TextPart(ITensorSource whole, Dictionary<string, string> names) =>
        (_whole, _part) = (whole, whole.Renamed(names));

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _part.Tensors;

    /// <summary>Whether a configuration is of a model of which this is a part.</summary>
    /// <param name="config">config.json.</param>
    /// <param name="modelType">What its text part has as <c>model_type</c>.</param>
    public static bool IsIn(JsonSetting config, string modelType) =>
        config[Key].IsObject && config[Key]["model_type"].AsString(otherwise: "") == modelType;

    /// <summary>The configuration of the text part, as that of a model by itself.</summary>
    /// <param name="config">That of the whole.</param>
    /// <param name="architecture">What a model by itself has as <c>architectures</c>.</param>
    public static JsonSetting Of(JsonSetting config, string architecture)
    {
        var part = config[Key].ToObject();
        part["architectures"] = new JsonArray(architecture);
        foreach (var name in s_ofWhole)
            if (!config[name].IsAbsent && !part.ContainsKey(name))
                part[name] = config[name].ToNode();
        return JsonSetting.Of(part, new JsonOrigin(config.File));
    }

    /// <summary>The tensors of the text part under the names of a model by itself; of such a model, all.</summary>
    /// <param name="whole">Becomes the result's own.</param>
    public static ITensorSource Of(ITensorSource whole) => Of(whole, "", keepsRest: false);

    /// <summary>The tensors of an adapter, those on the text part under the names of a model by itself.</summary>
    /// <param name="adapter">Becomes the result's own.</param>
    /// <param name="lead">What all names begin with.</param>
    public static ITensorSource OfAdapter(ITensorSource adapter, string lead) => Of(adapter, lead, keepsRest: true);

    private static ITensorSource Of(ITensorSource whole, string lead, bool keepsRest)
    {
        var (names, found) = (new Dictionary<string, string>(StringComparer.Ordinal), false);
        foreach (var name in whole.Tensors.Keys)
        {
            var prefix = Array.Find(s_prefixes, one => name.StartsWith(lead + one.There, StringComparison.Ordinal));
            found |= prefix.There is not null;
            if (prefix.There is { } there)
                names.Add(lead + prefix.Here + name[(lead.Length + there.Length)..], name);
            else if (keepsRest)
                names.Add(name, name);
        }

        return found ? new TextPart(whole, names) : whole;
    }

    /// <inheritdoc/>
    public byte* Pointer(string name) => _part.Pointer(name);

    /// <inheritdoc/>
    public void Read(string name, long offset, long length, byte* target) => _part.Read(name, offset, length, target);

    /// <inheritdoc/>
    public void Dispose()
    {
        _part.Dispose();
        _whole.Dispose();
    }

    /// <summary>Where the whole lies.</summary>
    public override string ToString() => _whole.ToString() ?? "";
}
