using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Optimization;
using static TorchSharp.torch;

namespace Lorikeet.Training.Planning;

/// <summary>What a run keeps from its first step to its last, whatever its batches are; bytes.</summary>
/// <param name="Weights">The base, as far as the device holds it.</param>
/// <param name="Adapters">What is trained, and what its variant keeps beside it.</param>
/// <param name="Gradients">Its gradients.</param>
/// <param name="OptimizerStates">The optimizer's averages.</param>
/// <param name="Offloaded">Weights that wait in the host's memory; not part of the sum.</param>
internal sealed record FixedMemory(long Weights, long Adapters, long Gradients, long OptimizerStates, long Offloaded)
{
    public long Total => Weights + Adapters + Gradients + OptimizerStates;

    /// <summary>Counts a model whose adapters are attached, on any device.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The optimizer.</param>
    /// <param name="division">What a rank takes; null for one process.</param>
    public static FixedMemory Of(DecoderModel model, OptimizationOptions options, RankDivision? division = null)
    {
        var (ranks, stage) = (division?.Ranks ?? 1, division?.ZeroStage ?? 0);
        var (weights, offloaded) = ModelOutline.WeightBytes(model);
        var trained = model.Trainable.Sum(parameter => BytesOf(parameter.Value));
        using var optimizer = Optimizer.Create(model.Trainable, options);
        return new FixedMemory(
            weights, trained, ParameterUpdate.GradientBytes(model, ranks, stage),
            optimizer.State().Sum(part => BytesOf(part.Value)) / (stage > 0 ? ranks : 1), offloaded);
    }

    private static long BytesOf(Tensor tensor) => tensor.NumberOfElements * tensor.ElementSize;
}
