using Lorikeet.Formats;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Verification;

/// <summary>Hidden states and logits of a model for rows of tokens; belongs to the caller's dispose scope.</summary>
/// <param name="Hidden">The embeddings and the output of every layer, the last one after the final norm.</param>
/// <param name="Logits">[tokens, vocabulary], on the CPU.</param>
internal sealed record ModelOutputs(IReadOnlyList<Tensor> Hidden, Tensor Logits)
{
    /// <summary>Runs the model over the rows, keeping the output of every layer.</summary>
    /// <param name="model">The model.</param>
    /// <param name="rows">Its input.</param>
    /// <param name="rounding">
    /// Relative size of noise on what each layer reads: the outputs differ from those without it as two correct
    /// implementations differ that round so much. 0 for none.
    /// </param>
    /// <param name="draw">Which noise.</param>
    public static ModelOutputs Of(DecoderModel model, ExpectedRows rows, double rounding = 0, int draw = 0)
    {
        using var layout = new SegmentLayout(rows.Starts, model.Device);
        var context = model.Context(layout);
        List<Tensor> states = [model.Embed(rows.Flat)];
        foreach (var layer in model.Layers)
            states.Add(layer.Forward(Rounded(states[^1], rounding, draw, states.Count), context));
        states[^1] = model.FinalNorm.Forward(Rounded(states[^1], rounding, draw, states.Count));
        return new ModelOutputs([.. states.Select(state => state.cpu())], model.Logits(states[^1]).cpu());
    }

    private static Tensor Rounded(Tensor state, double rounding, int draw, int layer)
    {
        if (rounding == 0)
            return state;
        var key = CounterRandom.Hash(0, RandomPurpose.EmbeddingNoise, (ulong)draw, (ulong)layer);
        var noise = KeyedRandom.Uniform(empty(state.shape, ScalarType.Float32, device: CPU), -rounding, rounding, key);
        return (state * noise.to(state.device).Plus(1)).to_type(state.dtype);
    }
}

/// <summary>A model's outputs, and how far rounding moves them.</summary>
/// <param name="Exact">As the model computes them.</param>
/// <param name="Noisy">The same with noise; none where rounding is not to be allowed for.</param>
internal sealed record MeasuredOutputs(ModelOutputs Exact, IReadOnlyList<ModelOutputs> Noisy)
{
    private const int Draws = 3;

    /// <summary>Runs the model, and where rounding is more than 0 three times more.</summary>
    public static MeasuredOutputs Of(DecoderModel model, ExpectedRows rows, double rounding) => new(
        ModelOutputs.Of(model, rows),
        [.. Enumerable.Range(0, rounding > 0 ? Draws : 0)
            .Select(draw => ModelOutputs.Of(model, rows, rounding, draw))]);

    /// <summary>The largest change of a part of the outputs by noise.</summary>
    public double Effect(Func<ModelOutputs, Tensor> part) =>
        Noisy.Select(noisy => (part(noisy) - part(Exact)).abs().max().to_type(ScalarType.Float64).item<double>())
            .DefaultIfEmpty(0).Max();
}
