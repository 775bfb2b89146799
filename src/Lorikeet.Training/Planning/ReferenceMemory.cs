using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Training.Planning;

/// <summary>
/// What the reference pass keeps: the tensors that autograd saves of a layer. It allocates as it goes, so this is an
/// estimate, where the optimized pass can be counted.
/// </summary>
/// <param name="model">Its adapters attached.</param>
internal sealed class ReferenceMemory(DecoderModel model)
{
    private readonly int _element = NativeTypes.SizeOf(model.ComputeType);

    /// <summary>Rows of logits that exist at once.</summary>
    public int LogitRows => LossHead.RowsAtOnce(model.Config.VocabularySize);

    /// <summary>Bytes of logits in the compute type and in float32, of their softmax and of both gradients.</summary>
    public long Logits(int tokens) =>
        (long)Math.Min(LogitRows, tokens) * model.Config.VocabularySize * (2 * _element + 3 * sizeof(float));

    /// <summary>Bytes of the residual stream before one layer.</summary>
    public long Input(int tokens) => (long)tokens * model.Config.HiddenSize * _element;

    /// <summary>
    /// Bytes of one layer's graph: of each norm, its input in float32 and its output; queries, keys, values and what
    /// attention makes of them, for each head and together; gate, its activation, up, and their product; masked inputs
    /// where there is dropout; two more outputs where the adapter is more than plain; trained weights in the compute type.
    /// </summary>
    public long Layer(int tokens)
    {
        var config = model.Config;
        var (queries, keys) = ((long)config.HeadCount * config.HeadSize, (long)config.KeyValueHeadCount * config.HeadSize);
        var norms = 2L * config.HiddenSize * (sizeof(float) + _element);
        var rest = (5 * queries + 2 * keys + 4L * config.IntermediateSize) * _element;
        var projections = model.Layers[^1].Projections.ToList();
        var masked = projections.Where(projection => projection.Lora is { Dropout: > 0 }).Sum(projection => projection.Weight.Columns);
        var variants = projections.Where(projection => projection.Lora is { IsPlain: false }).Sum(projection => 2 * projection.Weight.Rows);
        var copies = model.ComputeType == ScalarType.Float32
            ? 0
            : projections.Sum(projection => projection.TrainedWeight?.NumberOfElements ?? 0) * _element;
        return (norms + rest + (masked + variants) * _element) * tokens + copies;
    }
}
