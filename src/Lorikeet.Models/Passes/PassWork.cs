// What a batch costs, in operations of GEMMs and bytes that are moved:
//
//     GEMMs         2 operations a weight forward, 2 backward (there is no dW unless the weight itself is trained), 2
//                   more where a layer is recomputed, all but its last projection; 4 a weight of the head for each
//                   predicted token
//     attention     2 GEMMs forward, 5 backward, over half of the positions
//     elements      norms, rotation, activation and their gradients: about 28 reads and writes of the hidden width and
//                   9 of the inner width a token and layer; 4 of queries and keys where the backward pass normalises
//                   them once more
//     adapters      thin GEMMs read what they multiply and little else: inputs and outputs twice, and once more where
//                   the weight is not augmented by the factor
//     magnitudes    of DoRA read and write the outputs once more forward and twice backward; with dropout, W sees the
//                   masked input in a GEMM of its own
//     decompression reads the codes and writes the weight, at every use
//     FP8           weights are not decompressed; inputs and gradients are read and their codes written
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes;

/// <summary>What a forward and backward pass over one batch costs, apart from the rates of a machine.</summary>
public sealed record PassWork
{
    private const int LaunchesPerLayer = 75;

    /// <summary>Floating-point operations of GEMMs in the compute type.</summary>
    public required double GemmOperations { get; init; }

    /// <summary>Floating-point operations of products in FP8.</summary>
    public required double Float8Operations { get; init; }

    /// <summary>Floating-point operations of attention.</summary>
    public required double Attention { get; init; }

    /// <summary>Bytes read and written between the GEMMs.</summary>
    public required double MovedBytes { get; init; }

    /// <summary>GEMMs with factors: operations and bytes of each; whichever takes longer counts.</summary>
    public required IReadOnlyList<(double Operations, double Bytes)> LoraGemms { get; init; }

    /// <summary>Pieces of work that are started one after the other.</summary>
    public required double Launches { get; init; }

    /// <summary>Of these, those that the host queues while the device works: one pass through the layers.</summary>
    public required int QueuedLaunches { get; init; }

    /// <summary>Counts the work of a batch.</summary>
    /// <param name="model">Its trainable parameters settled; it may be one without memory.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="keptFrom">The first layer that is not recomputed.</param>
    /// <param name="augments">Whether weights are augmented by their factors.</param>
    internal static PassWork Of(DecoderModel model, AverageBatch batch, int keptFrom, bool augments)
    {
        var (config, element) = (model.Config, NativeTypes.SizeOf(model.ComputeType));
        var (gemms, float8, attention, moved, launches) = (0.0, 0.0, 0.0, 0.0, 0.0);
        var thin = new List<(double, double)>();
        var firstTrained = TrainedLayers.First(model);
        var (tokens, targets) = (batch.Tokens, batch.TargetShare * batch.Tokens);
        foreach (var layer in model.Layers)
        {
            var backward = layer.Index >= firstTrained ? 1 : 0;
            var again = layer.Index >= firstTrained && layer.Index < keptFrom ? 1 : 0;
            var weights = layer.Projections.Sum(projection => Uses(projection, config)
                * projection.Weight.Rows * projection.Weight.Columns);
            var down = layer.Down is { Weight: var last } ? (double)last.Rows * last.Columns : 0;
            var trained = layer.Projections.Sum(
                projection => (double)(projection.TrainedWeight?.NumberOfElements ?? 0));
            gemms += 2 * tokens * ((1 + backward) * weights + again * (weights - down) + trained);
            var decomposed = layer.Projections.Where(projection => projection.Adapter is DoraFactors).ToList();
            gemms += 2 * tokens * (1 + backward + again) * decomposed
                .Where(projection => projection.Lora!.Dropout > 0)
                .Sum(projection => (double)projection.Weight.Rows * projection.Weight.Columns);
            attention += tokens * batch.AttendedLength * config.HeadCount * config.HeadSize * (
                2 + 5 * backward + 2 * again);

            var (hidden, inner) = (config.HiddenSize, config.IntermediateSize);
            var elements = tokens * (
                14.0 * hidden * (1 + backward) + 8.0 * hidden * again + inner * (3.0 + 6 * backward));
            var compressed = layer.Projections
                .Where(projection => projection.Weight is not (DenseWeight or Float8Weight))
                .Sum(projection => (double)projection.Weight.ByteCount
                    + projection.Weight.Rows * projection.Weight.Columns * element);
            if (layer.QueryNorm is not null)
                elements += tokens * 4.0 * (config.HeadCount + config.KeyValueHeadCount) * config.HeadSize * backward;
            var normed = decomposed.Sum(projection => projection.Weight.Rows);
            elements += tokens * normed * (2.0 * (1 + again) + 4 * backward);
            foreach (var group in PerProjection.Of(layer).All.Where(group => group is [{ Weight: Float8Weight }, ..]))
            {
                var (rows, columns) =
                    (group.Sum(projection => (double)projection.Weight.Rows), group[0].Weight.Columns);
                float8 += 2 * tokens * rows * columns * (1 + backward + again);
                moved += tokens * (columns * (1.0 + again) + rows * backward) * (element + 1);
            }

            moved += elements * element + compressed * (1 + backward + 0.8 * again);
            launches += LaunchesPerLayer * (1 + backward + again) / 3.0;
            thin.AddRange(PerProjection.Of(layer).All.Where(projections => projections.Count > 0)
                .Select(projections => FusedShape.Of(projections, augments)).Where(shape => shape.Rank > 0)
                .Select(shape => Thin(shape, tokens, backward, element)));
        }

        return new PassWork
        {
            Float8Operations = float8,
            GemmOperations = gemms - float8 + 4.0 * config.VocabularySize * config.HiddenSize * targets,
            Attention = attention,
            MovedBytes = moved + 6.0 * config.VocabularySize * element * targets,
            LoraGemms = thin,
            Launches = launches,
            QueuedLaunches = model.Layers.Count * LaunchesPerLayer,
        };
    }

    /// <summary>The share of tokens that a matrix is multiplied by: an expert sees some.</summary>
    private static double Uses(Projection projection, ModelConfig config) =>
        projection.IsFixed && config.Experts is { } experts ? (double)experts.PerToken / experts.Count : 1;

    private static (double Operations, double Bytes) Thin(FusedShape shape, double tokens, int backward, int element)
    {
        var forward = shape.Columns + (shape.ColumnsOfB > 0 ? 0 : 2 * shape.Rows);
        var back = shape.Columns + 2 * shape.Rows + (shape.RowsOfA > 0 ? 0 : 2 * shape.Columns);
        return (
            2.0 * shape.Rank * (shape.Columns + (double)shape.Rows) * (1 + 2 * backward) * tokens,
            (forward + (double)backward * back) * tokens * element);
    }
}

/// <summary>An average batch, as far as time depends on it.</summary>
/// <param name="Tokens">Tokens of all rows.</param>
/// <param name="AttendedLength">Length of rows as attention sees it: the mean over tokens, not over rows.</param>
/// <param name="TargetShare">Share of the tokens that are predicted.</param>
public readonly record struct AverageBatch(double Tokens, double AttendedLength, double TargetShare);
