using System.Globalization;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Generation;
using Lorikeet.Models;
using Lorikeet.Native;
using Lorikeet.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Verification;

/// <summary>
/// Compares a model with what another library computed of it: logits, loss, hidden states, continuations, and weights
/// by their names.
/// </summary>
/// <remarks>
/// Understood are <c>input_ids</c>, <c>attention_mask</c> and <c>labels</c> [rows, positions], and computed from them
/// <c>logits</c>, <c>loss</c> (mean over supervised next tokens), <c>hidden_states.i</c> (0 the embeddings, the last
/// one after the final norm, as transformers counts), <c>greedy</c>, <c>beamN</c>, <c>batched_leftpad_greedy</c>.
/// Masked positions are not compared.
/// </remarks>
/// <param name="model">The model, with or without an adapter.</param>
/// <param name="folder">Its folder, for the end tokens and the weights.</param>
public sealed class ModelVerifier(DecoderModel model, string folder)
{
    private const double Float32Tolerance = 1e-4;
    private const double HalfTolerance = 5e-2;
    private const double Int8Tolerance = 5e-2;
    private const string HiddenStates = "hidden_states.";

    private static readonly string[] s_inputs = ["input_ids", "attention_mask", "labels"];

    /// <summary>The largest difference allowed; null for what rounding explains in the model's type.</summary>
    /// <value>
    /// 1e-4 in float32, 5e-2 where weights are stored or computed with in 16 bits or stored in 8, times the largest
    /// value expected where that exceeds 1. Token ids have to be equal.
    /// </value>
    public double? Tolerance { get; init; }

    /// <summary>Computes every tensor of a file that is understood, and compares.</summary>
    /// <exception cref="CheckpointException">Nothing in the file can be compared, or its shapes do not fit.</exception>
    public VerificationResult Compare(ITensorSource expected)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var weights = ModelFiles.OpenWeights(folder);
        var rows = expected.Tensors.ContainsKey("input_ids") ? ExpectedRows.Read(expected) : null;
        var hidden = rows is null ? [] : Trace(rows);
        var logits = rows is null ? null : model.Logits(hidden[^1]).cpu();

        var judge = new TensorJudge(Tolerance, Rounding(weights));
        var verdicts = new List<TensorVerdict>();
        var unknown = new List<string>();
        foreach (var name in expected.Tensors.Keys.Except(s_inputs).Order(StringComparer.Ordinal))
        {
            if (CompareTensor(name, expected, rows, hidden, logits, weights, judge) is { } verdict) verdicts.Add(verdict);
            else unknown.Add(name);
        }

        return verdicts.Count > 0 ? new VerificationResult(verdicts, unknown) : throw new CheckpointException(
            $"'{expected}' holds {string.Join(", ", expected.Tensors.Keys)}. Expected 'input_ids' with what a model " +
            "makes of them ('logits', 'loss', 'hidden_states.0' ..., 'greedy', 'beam3'), or weights by their names.");
    }

    private TensorVerdict? CompareTensor(
        string name, ITensorSource expected, ExpectedRows? rows, List<Tensor> hidden, Tensor? logits,
        ITensorSource weights, TensorJudge judge)
    {
        using var scope = NewDisposeScope();
        if (weights.Tensors.ContainsKey(name))
        {
            return HasAdapter ? null
                : judge.Compare(name, TensorMemory.Read(expected, name), TensorMemory.Read(weights, name));
        }

        if (rows is null || logits is null) return null;
        if (name == "logits") return judge.Compare(name, rows.Select(expected, name), logits);
        if (name == "loss")
            return judge.Compare(name, TensorMemory.Read(expected, name).flatten(), Loss(expected, rows, logits));
        if (name.StartsWith(HiddenStates, StringComparison.Ordinal)
            && int.TryParse(name[HiddenStates.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && index < hidden.Count)
        {
            return judge.Compare(name, rows.Select(expected, name), hidden[index].cpu());
        }

        return ExpectedTokens.TryRead(expected, name, rows.Ids[0])?
            .Compare(name, new TextGenerator(model, null), GenerationConfig.Load(folder).EndTokens);
    }

    /// <summary>The embeddings and the output of every layer, the last one after the final norm.</summary>
    private List<Tensor> Trace(ExpectedRows rows)
    {
        using var layout = new SegmentLayout(rows.Starts, model.Device);
        var context = model.Context(layout);
        List<Tensor> states = [model.Embed(rows.Flat)];
        foreach (var layer in model.Layers) states.Add(layer.Forward(states[^1], context));
        states[^1] = model.FinalNorm.Forward(states[^1]);
        return states;
    }

    private static Tensor Loss(ITensorSource expected, ExpectedRows rows, Tensor logits)
    {
        var labels = rows.Select(expected, "labels").to_type(ScalarType.Int64);
        // The label at a position is predicted by the position before it.
        var segments = Enumerable.Range(0, rows.Ids.Length)
            .Select(row => (Start: (long)rows.Starts[row], Targets: rows.Starts[row + 1] - rows.Starts[row] - 1L))
            .Where(segment => segment.Targets > 0)
            .ToArray();
        var predictions = cat([.. segments.Select(segment => logits.narrow(0, segment.Start, segment.Targets))]);
        var targets = cat([.. segments.Select(segment => labels.narrow(0, segment.Start + 1, segment.Targets))]);
        return nn.functional.cross_entropy(predictions, targets, ignore_index: Data.TrainingRow.Ignored).reshape(1);
    }

    /// <summary>With an adapter attached, the stored weights are not what the model computes with.</summary>
    private bool HasAdapter => model.LayerProjections.Any(projection => projection.Lora is not null);

    private double Rounding(ITensorSource weights)
    {
        if (model.LayerProjections.Any(projection => projection.Weight is EightBitWeight)) return Int8Tolerance;
        var isRounded = weights.Tensors.Values.Any(tensor => tensor.Type is SafetensorsType.F16 or SafetensorsType.BF16);
        return isRounded || model.ComputeType != ScalarType.Float32 ? HalfTolerance : Float32Tolerance;
    }
}
