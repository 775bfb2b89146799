using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Optimized;

/// <summary>
/// Greedy continuations in a type of few bits, where rounding decides between tokens that are equally likely.
/// </summary>
internal static class NearTies
{
    // Each of the two tokens may be off by the error of its step, which is at most half again the reference's
    // (BatchComparison).
    private const double Errors = 3;

    /// <summary>
    /// A model whose weights are wide enough that the most likely token mostly leads by more than noise.
    /// </summary>
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
    /// Continuations may part only where float32 prefers one token to the other by less than the reference's own error
    /// there. Returns whether they did.
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
        using var exactModel = DecodingComparison.Exact(model);
        if (adapter is Adapter given)
            CopyTo(exactModel, given);
        var (exact, reference) = (LastLogits(exactModel, exactModel.Active, read), LastLogits(model, adapter, read));
        var error = exact.Zip(reference).Max(pair => Math.Abs(pair.First - pair.Second));
        var lead = exact[expected[same]] - exact[actual[same]];
        Assert.True(
            Math.Abs(lead) <= Errors * error,
            $"After {same} tokens float32 prefers {expected[same]} to {actual[same]} by {lead}; the reference errs " +
            $"by {error}.");
        return true;
    }

    private static float[] LastLogits(DecoderModel model, ModelAdapter? adapter, int[] ids)
    {
        var active = model.Active;
        model.Active = adapter;
        using var logits = model.Forward(ids, [0, ids.Length]);
        model.Active = active;
        using var last = logits[^1].cpu();
        return last.data<float>().ToArray();
    }

    private static void CopyTo(DecoderModel model, Adapter adapter)
    {
        var copy = Adapter.Create(model, adapter.Options, seed: 1);
        using var quiet = no_grad();
        foreach (var (to, from) in copy.Parameters.Zip(adapter.Parameters))
            to.Value.copy_(from.Value);
    }
}
