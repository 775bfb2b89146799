using Lorikeet.Formats.Json;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>
/// Reads rotary settings: <c>rope_theta</c> + <c>rope_scaling</c> (transformers 4) or <c>rope_parameters</c>
/// (transformers 5).
/// </summary>
/// <param name="keys">The whole configuration.</param>
/// <param name="maxPositions">Its longest sequence.</param>
internal sealed class RopeReader(ConfigKeys keys, int maxPositions)
{
    private const double SmallestFactor = 1e-6;
    private const double LargestFactor = 1e9;
    private const double LargestTheta = 1e18;
    private const double Theta = 10000;
    private const int MostFactors = 4096;

    /// <summary>Reads the settings of some layers.</summary>
    /// <param name="scaling">The object that says how frequencies are stretched; may be missing.</param>
    /// <param name="theta">The base, unless the object has it.</param>
    public RopeSettings Read(JsonSetting scaling, JsonSetting theta)
    {
        if (!scaling.IsMissing)
            scaling.RequireObject();
        double? Positive(string key) => scaling[key].AsDoubleBetweenOrNull(SmallestFactor, LargestFactor);
        static double? Base(JsonSetting setting) => setting.AsDoubleBetweenOrNull(1, LargestTheta);
        var kind = scaling["rope_type"].IsMissing ? scaling["type"] : scaling["rope_type"];
        var settings = new RopeSettings
        {
            Theta = Base(scaling["rope_theta"]) ?? Base(theta) ?? Theta,
            Scaling = kind.AsString("default") switch
            {
                "default" => RopeScaling.None,
                "linear" => RopeScaling.Linear,
                "dynamic" => RopeScaling.Dynamic,
                "llama3" => RopeScaling.Llama3,
                "yarn" => RopeScaling.Yarn,
                "longrope" or "su" => RopeScaling.LongRope,
                _ => throw kind.Unexpected(
                    "default, linear, dynamic, llama3, yarn or longrope; others are not supported"),
            },
            Factor = Positive("factor") ?? 1,
            OriginalMaxPositions = Positions(scaling["original_max_position_embeddings"]) ?? maxPositions,
            LowFrequencyFactor = Positive("low_freq_factor") ?? 1,
            HighFrequencyFactor = Positive("high_freq_factor") ?? 4,
            BetaFast = Positive("beta_fast") ?? 32,
            BetaSlow = Positive("beta_slow") ?? 1,
            AttentionFactor = Positive("attention_factor"),
            Truncate = scaling["truncate"].AsBool(otherwise: true),
        };
        if (scaling["mscale"].AsDoubleOrNull() is { } scale && scaling["mscale_all_dim"].AsDoubleOrNull() is { } all)
            settings = settings with { Mscale = (scale, all) };
        if (settings.Scaling == RopeScaling.LongRope)
            return WithFactors(settings, scaling);
        if (settings.Scaling != RopeScaling.None && scaling["factor"].IsMissing)
            throw scaling["factor"].Unexpected($"a number, which rope_type '{kind.AsString()}' needs");
        if (settings.Scaling == RopeScaling.Llama3 && settings.HighFrequencyFactor <= settings.LowFrequencyFactor)
            throw scaling["high_freq_factor"]
                .Unexpected($"more than low_freq_factor, which is {settings.LowFrequencyFactor}");
        return settings;
    }

    private static int? Positions(JsonSetting setting) =>
        setting.AsIntBetweenOrNull(1, ConfigKeys.MostPositions);

    /// <summary>Its original length may stand beside the object, and the factor follows from both lengths.</summary>
    private RopeSettings WithFactors(RopeSettings settings, JsonSetting scaling)
    {
        var original = Positions(scaling["original_max_position_embeddings"])
            ?? Positions(keys["original_max_position_embeddings"]) ?? maxPositions;
        return settings with
        {
            OriginalMaxPositions = original,
            Factor = scaling["factor"].IsMissing ? (double)maxPositions / original : settings.Factor,
            ShortFactors = Factors(scaling["short_factor"]),
            LongFactors = Factors(scaling["long_factor"]),
        };
    }

    private static float[] Factors(JsonSetting list)
    {
        float[] factors = [.. list.Items().Take(MostFactors + 1)
            .Select(factor => (float)factor.AsDoubleBetween(SmallestFactor, LargestFactor))];
        return factors.Length is > 0 and <= MostFactors
            ? factors
            : throw list.Unexpected("a number for each pair of rotated elements");
    }
}
