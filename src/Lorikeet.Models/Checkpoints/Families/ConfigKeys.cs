using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>Keys of a config.json, with what a family means by those that are absent.</summary>
internal sealed class ConfigKeys
{
    // Longer than any decoder's; what goes beyond is a damaged file, and would only fill memory.
    public const int MostPositions = 1 << 30;

    private const string Sliding = "sliding_attention";
    private const string Full = "full_attention";

    private readonly JsonSetting _config;
    private readonly JsonSetting _defaults;

    /// <param name="config">The file.</param>
    /// <param name="defaults">What absent keys mean.</param>
    public ConfigKeys(JsonSetting config, JsonObject defaults)
    {
        _config = config;
        _defaults = JsonSetting.Of(defaults, new JsonOrigin(config.File));
    }

    /// <summary>The value of a key. One that is null in the file is missing, whatever it means when absent.</summary>
    public JsonSetting this[string key] => _config[key] is { IsAbsent: false } value ? value
        : _defaults[key] is { IsAbsent: false } other ? other : _config[key];

    /// <summary>The window of sliding attention; null where none is set.</summary>
    public int? Window => this["sliding_window"].AsIntBetweenOrNull(1, MostPositions);

    /// <summary>Which layers attend within a window: those that <c>layer_types</c> names, else by a rule.</summary>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="otherwise">Whether a layer does where the file names none.</param>
    public bool[] WindowedLayers(int layers, Func<int, bool> otherwise)
    {
        var types = this["layer_types"];
        if (types.IsMissing)
            return [.. Enumerable.Range(0, layers).Select(otherwise)];
        bool[] windowed = [.. types.Items().Select(type => type.AsString() switch
        {
            Sliding => true,
            Full => false,
            _ => throw type.Unexpected($"{Full} or {Sliding}; others are not supported"),
        })];
        return windowed.Length == layers
            ? windowed
            : throw types.Unexpected($"one for each of the {layers} layers; it has {windowed.Length}");
    }

    /// <summary>A switch for each layer (1 or 0), as a list of numbers or booleans.</summary>
    /// <param name="key">The list's key.</param>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="otherwise">What holds where the file has no list.</param>
    public bool[] LayerSwitches(string key, int layers, Func<int, bool> otherwise)
    {
        var list = this[key];
        if (list.IsMissing)
            return [.. Enumerable.Range(0, layers).Select(otherwise)];
        bool[] switches = [.. list.Items().Select(item => item.IsBool ? item.AsBool() : item.AsIntBetween(0, 1) == 1)];
        return switches.Length == layers
            ? switches
            : throw list.Unexpected($"one for each of the {layers} layers; it has {switches.Length}");
    }

    /// <summary>The rotary settings of layers with full attention, which are those of all where one is given.</summary>
    /// <param name="maxPositions">The model's longest sequence.</param>
    public RopeSettings Rope(int maxPositions)
    {
        var given = this["rope_parameters"];
        if (given.IsMissing)
            given = this["rope_scaling"];
        else if (!given[Full].IsMissing)
            given = given[Full];
        return new RopeReader(this, maxPositions).Read(given, this["rope_theta"]);
    }

    /// <summary>The rotary settings of layers with sliding attention, where they are given apart (Gemma 3).</summary>
    /// <param name="maxPositions">The model's longest sequence.</param>
    public RopeSettings SlidingRope(int maxPositions) =>
        new RopeReader(this, maxPositions).Read(this["rope_parameters"][Sliding], this["rope_local_base_freq"]);

    /// <summary>A factor that must be above zero.</summary>
    public double? Positive(string key) => this[key].AsDoubleBetweenOrNull(1e-9, 1e9);
}
