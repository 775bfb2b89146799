using Lorikeet.Formats;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// NEFTune (arXiv 2310.05914): uniform noise in ±alpha / sqrt(length · hidden), with each segment's own length.
/// </summary>
internal static class EmbeddingNoise
{
    /// <summary>Noise for embeddings [tokens, hidden], in their type.</summary>
    public static Tensor Of(Tensor embedded, SegmentLayout layout, double alpha, PassKey key)
    {
        using var scope = NewDisposeScope();
        var noiseKey = CounterRandom.Hash(
            key.Seed, RandomPurpose.EmbeddingNoise, (ulong)key.Step, (ulong)key.MicroBatch);
        var magnitudes = new float[layout.Tokens];
        for (var segment = 0; segment < layout.Count; segment++)
        {
            var magnitude = alpha / Math.Sqrt((double)layout.Length(segment) * embedded.shape[1]);
            Array.Fill(magnitudes, (float)magnitude, layout.Starts[segment], layout.Length(segment));
        }

        var noise = KeyedRandom.Uniform(empty_like(embedded), -1, 1, noiseKey);
        var scale = tensor(magnitudes, device: embedded.device).to_type(embedded.dtype).unsqueeze(1); // [tokens, 1]
        return (noise * scale).MoveToOuterDisposeScope();
    }
}
