using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>Greedy continuations in a type of few bits, where rounding decides between tokens that are equally likely.</summary>
internal static class NearTies
{
    // bfloat16 keeps 8 bits, and errors of two layers and a head add up.
    private const double Share = 0.02;

    /// <summary>A model whose weights are wide enough that the most likely token mostly leads by more than noise.</summary>
    public static DecoderModel Model(ScalarType type, Device device, int? window = null) => ModelFactory.Create(
        new ModelConfig
        {
            ModelType = window is null ? "llama" : "mistral",
            VocabularySize = 64,
            HiddenSize = 256,
            IntermediateSize = 512,
            LayerCount = 2,
            HeadCount = 4,
            KeyValueHeadCount = 2,
            HeadSize = 64,
            NormEpsilon = 1e-5,
            Rope = new RopeSettings(),
            MaxPositions = 256,
            SlidingWindow = window,
            Source = [],
        },
        new LoadSettings(type, device, QuantizationSettings.None), seed: 11, deviation: 0.15);

    /// <summary>
    /// Continuations may part only where the reference hardly prefers its own token. Returns whether they did.
    /// </summary>
    public static bool RequireSameChoices(
        DecoderModel model, ModelAdapter? adapter, IReadOnlyList<int> prompt, IReadOnlyList<int> expected,
        IReadOnlyList<int> actual)
    {
        var same = expected.Zip(actual).TakeWhile(pair => pair.First == pair.Second).Count();
        if (same == expected.Count && same == actual.Count)
            return false;
        Assert.True(same < Math.Min(expected.Count, actual.Count), "One continuation is the beginning of the other.");
        int[] read = [.. prompt, .. expected.Take(same)];
        var active = model.Active;
        model.Active = adapter;
        using var logits = model.Forward(read, [0, read.Length]);
        model.Active = active;
        using var last = logits[^1].cpu();
        var values = last.data<float>().ToArray();
        var (lead, spread) = (values[expected[same]] - values[actual[same]], values.Max() - values.Min());
        Assert.True(
            Math.Abs(lead) <= Share * spread,
            $"After {same} tokens the reference prefers {expected[same]} to {actual[same]} by {lead}; logits span {spread}.");
        return true;
    }
}
