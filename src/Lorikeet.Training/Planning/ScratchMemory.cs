using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using static TorchSharp.torch;

namespace Lorikeet.Training.Planning;

/// <summary>
/// What the optimized pass needs beside its buffers: factors in the compute type, room for one decompressed weight, for
/// gradients of factors and for a chunk of logits. Counts what <see cref="DenseFusedWeight"/>,
/// <see cref="CompressedFusedWeight"/>, <see cref="FusedLinear"/> and <see cref="OptimizedHead"/> take.
/// </summary>
/// <param name="model">Its adapters attached.</param>
/// <param name="borders">Whether weights are bordered by their factors.</param>
/// <param name="mostWeights">How many weights may be decompressed at once, if one projection has no more.</param>
internal sealed class ScratchMemory(DecoderModel model, bool borders, long mostWeights)
{
    private readonly int _element = NativeTypes.SizeOf(model.ComputeType);
    private readonly FusedShape[] _shapes = [.. model.Layers.SelectMany(layer => FusedShape.Of(layer, borders))];

    /// <summary>Rows of logits that exist at once.</summary>
    public int LogitRows => OptimizedHead.RowsAtOnce(model.Config.VocabularySize);

    /// <summary>Bytes of factors in the compute type that lie beside dense weights all the time.</summary>
    public long Copies
    {
        get
        {
            var head = new FusedShape([model.Head], borders);
            return _shapes.Where(shape => shape.IsDense(model.ComputeType)).Append(head).Sum(CopiesOf) * _element;
        }
    }

    /// <summary>Bytes that all layers and the head share.</summary>
    /// <param name="tokens">Tokens of the largest batch, which masks of dropout are as long as.</param>
    public long Shared(int tokens)
    {
        FusedShape[] compressed = [.. _shapes.Where(shape => !shape.IsDense(model.ComputeType))];
        var logits = (long)LogitRows * (model.Config.HiddenSize + model.Config.VocabularySize);
        var weights = Most(compressed, shape => (MostRowsAtOnce(shape) + shape.Below) * (shape.Columns + shape.Right));
        var factors = Most(compressed, shape => (long)shape.Rank * shape.Columns)
            + Most(compressed, shape => MostRowsAtOnce(shape) * Math.Max(1, shape.Rank));
        var gradients = Most(_shapes, shape => (long)shape.Rank * shape.Columns) + Most(_shapes, shape => (long)shape.Rows * shape.Rank);
        var masked = Most(
            _shapes.Where(shape => shape.Projections.Any(projection => projection.Lora is { Dropout: > 0 })),
            shape => (long)tokens * shape.Columns);

        // A dense head has its logits where others decompress their weights.
        return (Math.Max(weights, logits) + factors + gradients + masked) * _element;
    }

    private static long Most(IEnumerable<FusedShape> shapes, Func<FusedShape, long> size) =>
        shapes.Select(size).DefaultIfEmpty(0).Max();

    private static long CopiesOf(FusedShape shape)
    {
        var isAlone = shape.Projections.Count == 1 && shape.Right + shape.Below == 0;
        var padding = isAlone
            ? 0
            : (long)(shape.Rows + shape.Below) * Matrix.PitchOf(shape.Columns, shape.Right) - (long)shape.Rows * shape.Columns;
        var a = shape.Below > 0 ? 0 : (long)Math.Max(1, shape.Rank) * shape.Columns;
        var b = shape.Right > 0 ? 0 : (long)Math.Max(1, shape.Rank) * shape.Rows;
        return padding + a + b;
    }

    /// <summary>As many projections at once as stay within so many weights, but at least one.</summary>
    private long MostRowsAtOnce(FusedShape shape)
    {
        var (most, rows) = (0L, 0L);
        foreach (var projection in shape.Projections)
        {
            var more = projection.Weight.Rows;
            rows = rows > 0 && (rows + more) * shape.Columns > mostWeights ? more : rows + more;
            most = Math.Max(most, rows);
        }

        return most;
    }
}
