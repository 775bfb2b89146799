using Lorikeet.Models;
using Lorikeet.Native;
using Lorikeet.Optimized;
using Lorikeet.Options;
using Lorikeet.Training;
using Lorikeet.Training.Optimizers;
using static TorchSharp.torch;

namespace Lorikeet.Planning;

/// <summary>What a run keeps from its first step to its last, whatever its batches are; bytes.</summary>
/// <param name="Weights">The base.</param>
/// <param name="Adapters">What is trained, and what its variant keeps beside it.</param>
/// <param name="Gradients">Its gradients.</param>
/// <param name="OptimizerStates">The optimizer's averages.</param>
internal sealed record FixedMemory(long Weights, long Adapters, long Gradients, long OptimizerStates)
{
    public long Total => Weights + Adapters + Gradients + OptimizerStates;

    /// <summary>Counts a model whose adapters are attached, on any device.</summary>
    public static FixedMemory Of(DecoderModel model, OptimizationOptions options)
    {
        var trained = model.Trainable.Sum(parameter => ModelOutline.BytesOf(parameter.Value));
        using var optimizer = Optimizer.Create(model.Trainable, options);
        var states = optimizer.State().Sum(part => ModelOutline.BytesOf(part.Value));
        return new FixedMemory(ModelOutline.BytesOf(model), trained, trained, states);
    }
}
