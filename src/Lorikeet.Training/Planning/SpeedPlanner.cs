// What a batch costs is what it multiplies over the rate of products plus what it moves over the rate of copies:
//
//     products      2 operations a weight forward, 2 backward (there is no dW unless the weight itself is trained), 2 more
//                   where a layer is recomputed, all but its last projection; 4 a weight of the head for each target
//     attention     2 products forward, 5 backward, over half of the positions; they reach a third of the rate
//     elements      norms, rotation, activation and their gradients: about 28 reads and writes of the hidden width and 9
//                   of the inner width a token and layer
//     adapters      thin products read what they multiply and little else: inputs and outputs twice, and once more where
//                   no border of the weights carries the sum
//     decompression reads the codes and writes the weight, at every use
//     bus           what waits in the host's memory comes and goes beside all this; the slower of the two counts
//     launches      a gap for each of some 75 pieces of work a layer; with a GPU, the host queues them and does what comes
//                   with every step meanwhile, and small models wait for it
//
// The efficiencies, the gaps and the reference's factor were fitted; bench/README.md holds the measurements.
using Lorikeet.Models.Benchmarks;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Training.Planning;

/// <summary>Estimates the time of a batch from the rates of a machine.</summary>
/// <param name="model">Its adapters attached.</param>
/// <param name="device">Where it will run.</param>
/// <param name="rates">What was measured there.</param>
internal sealed class SpeedPlanner(DecoderModel model, Device device, MachineRates rates)
{
    private const double GemmEfficiency = 0.95;
    private const double CopyEfficiency = 0.85;
    private const double AttentionEfficiency = 0.33;
    private const double CudaLaunchSeconds = 1.5e-6;
    private const double HostLaunchSeconds = 3e-5; // waking the threads
    private const double QueueingSeconds = 5e-6;
    private const double HostStepSeconds = 4e-3;
    private const int LaunchesPerLayer = 75;
    private const double BusRate = 40e9; // PCIe 5.0, not measured

    private readonly bool _onCuda = device.type == DeviceType.CUDA;

    /// <summary>How much longer the reference path takes, as measured (bench/README.md).</summary>
    private double ReferenceFactor => _onCuda ? 1.6 : 2.1;

    private readonly int _element = NativeTypes.SizeOf(model.ComputeType);

    /// <summary>What to expect of a run.</summary>
    public SpeedPlan Plan(RunBatches batches, MemoryPlan memory, bool isOptimized)
    {
        var seconds = SecondsOf(batches, memory) * (isOptimized ? 1 : ReferenceFactor);
        var rate = batches.TokensPerBatch / seconds;
        var step = batches.TokensPerStep / rate;
        return new SpeedPlan(rates.Gemm, rates.Copy, rate, step, batches.Steps * step);
    }

    private double SecondsOf(RunBatches batches, MemoryPlan memory)
    {
        var seconds = 0.0;
        var firstTrained = model.Layers.TakeWhile(layer => !MemoryPlanner.IsTrained(layer)).Count();
        for (var i = 0; i < model.Layers.Count; i++)
            seconds += SecondsOf(model.Layers[i], batches, i >= firstTrained, isRecomputed: i >= firstTrained && i < memory.KeptFrom);

        var head = 4.0 * model.Config.VocabularySize * model.Config.HiddenSize * batches.TargetShare * batches.TokensPerBatch;
        var logits = 6.0 * model.Config.VocabularySize * _element * batches.TargetShare * batches.TokensPerBatch;
        var device = seconds + Product(head) + Moved(logits) + UpdateSeconds(batches);
        return Math.Max(device, Math.Max(2 * memory.OffloadedToHost / BusRate, _onCuda ? HostSeconds(batches) : 0));
    }

    /// <summary>What the host needs to queue a batch, and its share of a step's other work.</summary>
    private double HostSeconds(RunBatches batches) => model.Layers.Count * LaunchesPerLayer * QueueingSeconds
        + HostStepSeconds * batches.TokensPerBatch / batches.TokensPerStep;

    private double SecondsOf(DecoderLayer layer, RunBatches batches, bool isTrained, bool isRecomputed)
    {
        var tokens = batches.TokensPerBatch;
        var config = model.Config;
        var (backward, again) = (isTrained ? 1 : 0, isRecomputed ? 1 : 0);
        var passes = 1 + backward;
        var weights = layer.Projections.Sum(projection => (double)projection.Weight.Rows * projection.Weight.Columns);
        var down = (double)layer.Down.Weight.Rows * layer.Down.Weight.Columns;
        var moving = layer.Projections.Sum(projection => (double)(projection.TrainedWeight?.NumberOfElements ?? 0));
        var products = 2 * tokens * (passes * weights + again * (weights - down) + moving);

        var attention = tokens * batches.AttendedLength * config.HeadCount * config.HeadSize * (2 + 5 * backward + 2 * again);
        var (hidden, inner) = (config.HiddenSize, config.IntermediateSize);
        var elements = tokens * (14.0 * hidden * (1 + backward) + 8.0 * hidden * again + inner * (3.0 + 6 * backward));
        var compressed = layer.Projections.Where(projection => projection.Weight is not DenseWeight)
            .Sum(projection => (double)projection.Weight.ByteCount + projection.Weight.Rows * projection.Weight.Columns * _element);
        return Product(products) + attention / (rates.Gemm * AttentionEfficiency)
            + Moved(elements * _element + compressed * (passes + 0.8 * again))
            + FusedShape.Of(layer, borders: _onCuda).Sum(shape => AdapterSeconds(shape, tokens, backward))
            + LaunchesPerLayer * (passes + again) / 3.0 * (_onCuda ? CudaLaunchSeconds : HostLaunchSeconds);
    }

    /// <summary>The thin products of one fused projection: as many operations, or as many bytes, whichever takes longer.</summary>
    private double AdapterSeconds(FusedShape shape, double tokens, int backward)
    {
        if (shape.Rank == 0)
            return 0;
        var forward = shape.Columns + (shape.Right > 0 ? 0 : 2 * shape.Rows);
        var back = shape.Columns + 2 * shape.Rows + (shape.Below > 0 ? 0 : 2 * shape.Columns);
        var operations = 2.0 * shape.Rank * (shape.Columns + (double)shape.Rows) * (1 + 2 * backward) * tokens;
        return Math.Max(Product(operations), Moved((forward + (double)backward * back) * tokens * _element));
    }

    /// <summary>Clipping and the update read and write seven numbers a parameter, once a step.</summary>
    private double UpdateSeconds(RunBatches batches) => Moved(
        7.0 * sizeof(float) * model.Trainable.Sum(parameter => parameter.Value.NumberOfElements)
        * batches.TokensPerBatch / batches.TokensPerStep);

    private double Product(double operations) => operations / (rates.Gemm * GemmEfficiency);

    private double Moved(double bytes) => bytes / (rates.Copy * CopyEfficiency);
}
