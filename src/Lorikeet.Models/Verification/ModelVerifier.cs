using System.Globalization;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Verification;

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
    private const double BFloat16Unit = 1.0 / 256;
    private const double Float16Unit = 1.0 / 2048;
    private const string HiddenStates = "hidden_states.";

    private static readonly string[] s_inputs = ["input_ids", "attention_mask", "labels"];

    /// <summary>The largest difference allowed; null for what rounding explains in this model on these rows.</summary>
    /// <value>
    /// In float32, 1e-4 of the largest value expected, or 1e-4 where that is less than 1. Where weights are stored or
    /// computed with in 16 bits or stored in 8, also one and a half times what noise of the size of such rounding, on
    /// what each layer reads, was measured to change in that output. Token ids have to be equal.
    /// </value>
    public double? Tolerance { get; init; }

    /// <summary>Computes every tensor of a file that is understood, and compares.</summary>
    /// <exception cref="CheckpointException">Nothing in the file can be compared, or its shapes do not fit.</exception>
    public VerificationResult Compare(ITensorSource expected)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var weights = ModelFiles.OpenWeights(folder);
        var unit = RoundingUnit(weights);
        var rows = expected.Tensors.ContainsKey("input_ids") ? ExpectedRows.Read(expected) : null;
        var outputs = rows is null ? null : MeasuredOutputs.Of(model, rows, Tolerance is null ? unit : 0);
        var judge = new TensorJudge(Tolerance, unit);
        var verdicts = new List<TensorVerdict>();
        var unknown = new List<string>();
        foreach (var name in expected.Tensors.Keys.Except(s_inputs).Order(StringComparer.Ordinal))
        {
            if (CompareTensor(name, expected, rows, outputs, weights, judge) is { } verdict)
                verdicts.Add(verdict);
            else
                unknown.Add(name);
        }

        return verdicts.Count > 0 ? new VerificationResult(verdicts, unknown) : throw new CheckpointException(
            $"'{expected}' holds {string.Join(", ", expected.Tensors.Keys)}. Expected 'input_ids' with what a model " +
            "makes of them ('logits', 'loss', 'hidden_states.0' ..., 'greedy', 'beam3'), or weights by their names.");
    }

    private TensorVerdict? CompareTensor(
        string name, ITensorSource expected, ExpectedRows? rows, MeasuredOutputs? outputs, ITensorSource weights,
        TensorJudge judge)
    {
        using var scope = NewDisposeScope();
        if (weights.Tensors.ContainsKey(name))
        {
            return HasAdapter ? null
                : judge.Compare(name, TensorFile.Read(expected, name), TensorFile.Read(weights, name));
        }

        if (rows is null || outputs is null)
            return null;
        TensorVerdict Judge(Tensor wanted, Func<ModelOutputs, Tensor> part) =>
            judge.Compare(name, wanted, part(outputs.Exact), outputs.Effect(part));
        if (name == "logits")
            return Judge(rows.Select(expected, name), output => output.Logits);
        if (name == "loss")
            return Judge(TensorFile.Read(expected, name).flatten(), output => Loss(expected, rows, output.Logits));
        if (name.StartsWith(HiddenStates, StringComparison.Ordinal)
            && int.TryParse(name[HiddenStates.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            && index < outputs.Exact.Hidden.Count)
        {
            return Judge(rows.Select(expected, name), output => output.Hidden[index]);
        }

        return ExpectedTokens.TryRead(expected, name, rows.Ids[0])?
            .Compare(name, new TextGenerator(model, null), GenerationConfig.Load(folder).EndTokens);
    }

    private static Tensor Loss(ITensorSource expected, ExpectedRows rows, Tensor logits)
    {
        var labels = rows.Select(expected, "labels").to_type(ScalarType.Int64);
        // The label at a position is predicted by the position before it.
        var segments = Enumerable.Range(0, rows.Ids.Length)
            .Select(row => (Start: (long)rows.Starts[row], Targets: rows.Starts[row + 1] - rows.Starts[row] - 1L))
            .Where(segment => segment.Targets > 0)
            .ToArray();
        // [targets, vocabulary]
        var predictions = cat([.. segments.Select(segment => logits.narrow(0, segment.Start, segment.Targets))]);
        // [targets]
        var targets = cat([.. segments.Select(segment => labels.narrow(0, segment.Start + 1, segment.Targets))]);
        return nn.functional.cross_entropy(predictions, targets, ignore_index: Data.TrainingRow.Ignored).reshape(1);
    }

    /// <summary>With an adapter attached, the stored weights are not what the model computes with.</summary>
    private bool HasAdapter => model.LayerProjections.Any(projection => projection.Lora is not null);

    /// <summary>
    /// The relative rounding of the coarsest type that weights are stored or computed with; 0 for float32.
    /// bitsandbytes' 8-bit layers take and give float16.
    /// </summary>
    private double RoundingUnit(ITensorSource weights)
    {
        var stored = weights.Tensors.Values.Select(tensor => tensor.Type).ToHashSet();
        if (model.ComputeType == ScalarType.BFloat16 || stored.Contains(SafetensorsType.BF16))
            return BFloat16Unit;
        var isHalf = model.ComputeType == ScalarType.Float16 || stored.Contains(SafetensorsType.F16)
            || model.LayerProjections.Any(projection => projection.Weight is EightBitWeight);
        return isHalf ? Float16Unit : 0;
    }
}
