using System.Text.Json.Nodes;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints;

/// <summary>
/// Llama 3's scaling as the list of factors that GGUF files have in its place (<c>generate_extra_tensors</c> of
/// convert_hf_to_gguf.py, in float32 as there).
/// </summary>
internal static class Llama3Factors
{
    /// <summary>What each frequency is divided by.</summary>
    public static float[] Of(RopeSettings rope, int headSize)
    {
        var frequencies = (rope with { Scaling = RopeScaling.None }).Frequencies(headSize, 0);
        var (low, high, factor) = ((float)rope.LowFrequencyFactor, (float)rope.HighFrequencyFactor, (float)rope.Factor);
        float original = rope.OriginalMaxPositions;
        return [.. frequencies.Select(frequency =>
        {
            var wavelength = (float)(2 * Math.PI) / frequency;
            if (wavelength < original / high) return 1;
            if (wavelength > original / low) return factor;
            var smooth = (original / wavelength - low) / (high - low);
            return 1 / ((1 - smooth) / factor + smooth);
        })];
    }

    /// <summary>
    /// The <c>rope_scaling</c> that gives these factors, with the ramp that every Llama 3 has (1 to 4); null when none
    /// does.
    /// </summary>
    public static JsonObject? Recognise(IReadOnlyList<float> factors, ModelConfig config)
    {
        var factor = factors.Max();
        for (var original = 16; original <= 1 << 20; original *= 2)
        {
            var candidate = config.Rope with
            {
                Factor = factor,
                OriginalMaxPositions = original,
                LowFrequencyFactor = 1,
                HighFrequencyFactor = 4,
            };
            if (!Of(candidate, config.HeadSize).SequenceEqual(factors))
                continue;
            return new JsonObject
            {
                ["rope_type"] = "llama3",
                ["factor"] = (double)factor,
                ["low_freq_factor"] = 1.0,
                ["high_freq_factor"] = 4.0,
                ["original_max_position_embeddings"] = original,
            };
        }

        return null;
    }
}
