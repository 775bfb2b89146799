using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes;

namespace Lorikeet.Models.Optimization;

/// <summary>
/// From the gradients that the passes of all ranks add up to the moved parameters: their sum, the clipping, the
/// optimizer.
/// </summary>
/// <remarks>All ranks make the same calls, but for the number of their passes.</remarks>
public sealed class ParameterUpdate : IDisposable
{
    private readonly Gradients _gradients;
    private readonly GradientReduction _reduction;

    /// <summary>Gives every trainable parameter a gradient of zero; the optimizer's averages are zero.</summary>
    /// <param name="model">The model; its trainable parameters are settled.</param>
    /// <param name="options">The optimizer.</param>
    /// <param name="ranks">The processes that take each step together.</param>
    /// <param name="hasFixedOrder">
    /// Whether the order of sums depends on the number of micro-batches alone, so that any number of ranks gives the
    /// same bits.
    /// </param>
    /// <param name="zeroStage">
    /// What is divided among the ranks (ZeRO): 0 nothing, 1 the optimizer's state, 2 the gradients too.
    /// </param>
    /// <exception cref="ConfigurationException">These do not go together.</exception>
    public ParameterUpdate(
        DecoderModel model, OptimizationOptions options, Communicator ranks, bool hasFixedOrder, int zeroStage)
    {
        var parameters = LoraPlus.Group(model.Trainable, options);
        var shards = zeroStage > 0 && ranks.Size > 1
            ? new ParameterShards(parameters, model.Layers.Count, ranks)
            : null;
        var divides = shards is not null && zeroStage > 1;
        if (divides && hasFixedOrder)
            throw new ConfigurationException(
                "'full_determinism' keeps the gradients of several micro-batches whole, and 'zero_stage' 2 none. "
                + "Expected 'zero_stage' 0 or 1, or leave out 'full_determinism'.");
        _gradients = divides ? Gradients.InTurn(parameters, shards!) : new Gradients(parameters);
        _reduction = GradientReduction.Create(_gradients, model, ranks, hasFixedOrder, divides ? shards : null);
        Optimizer = shards is null
            ? Optimizer.Create(parameters, options)
            : new ShardedOptimizer(parameters, options, shards, _reduction.Own);
    }

    /// <summary>The optimizer.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>Bytes of the gradients that a rank holds, and of what is exchanged of them.</summary>
    /// <param name="model">The model, which may be one without memory.</param>
    /// <param name="ranks">How many ranks there are.</param>
    /// <param name="zeroStage">What is divided among them.</param>
    public static long GradientBytes(DecoderModel model, int ranks, int zeroStage)
    {
        var parts = model.Trainable.ToLookup(
            parameter => GradientParts.LayerOf(parameter.Name, model.Layers.Count),
            parameter => parameter.Value.NumberOfElements);
        var all = parts.Sum(part => part.Sum());
        if (zeroStage < 2 || ranks == 1)
            return all * sizeof(float);
        var layer = parts.Where(part => part.Key != GradientParts.Rest).Select(part => part.Sum())
            .DefaultIfEmpty(0).Max();
        var rest = parts[GradientParts.Rest].Sum();
        return (all / ranks + layer + rest + Math.Max(layer, rest)) * sizeof(float);
    }

    /// <summary>Whether a rank has to compute consecutive micro-batches of a step.</summary>
    public bool TakesBlocks => _reduction.TakesBlocks;

    /// <summary>
    /// Whether all ranks have to make as many passes as each other; one without a micro-batch of its own then computes
    /// another's, with weight 0.
    /// </summary>
    public bool EveryRankPasses => _reduction.EveryRankPasses;

    /// <summary>For <see cref="TrainingPassOptions.LayerDone"/>.</summary>
    /// <param name="layer">The layer.</param>
    public void LayerDone(int layer) => _reduction.LayerDone(layer);

    /// <summary>Call before a pass.</summary>
    /// <param name="isLast">Whether it is the last of this rank in the step.</param>
    public void Begin(bool isLast) => _reduction.Begin(isLast);

    /// <summary>Call after a pass.</summary>
    /// <param name="microBatch">Its place in the step.</param>
    /// <param name="counts">Whether its gradient is to be added, or it was made for the other ranks' sake.</param>
    public void End(int microBatch, bool counts) => _reduction.End(microBatch, counts);

    /// <summary>Sums over the passes of all ranks.</summary>
    public void Complete() => _reduction.Complete();

    /// <summary>Clips, moves the parameters, and forgets the gradients.</summary>
    /// <param name="limit">The largest norm allowed; 0 turns clipping off.</param>
    /// <param name="rate">The learning rate of this step.</param>
    /// <returns>The global norm before clipping; where it is not finite, no parameter was moved.</returns>
    public double Apply(double limit, double rate)
    {
        var norm = Optimizer.Step(_gradients, limit, rate);
        _reduction.Clear();
        return norm;
    }

    /// <summary>Forgets what passes of a step added that is not to be completed; for one process alone.</summary>
    public void Forget() => _reduction.Clear();

    /// <summary>Writes the gradients as safetensors, under the names PEFT gives the parameters.</summary>
    /// <param name="path">The file; replaced when it is there.</param>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public void WriteGradients(string path) => _gradients.Write(path);

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizer.Dispose();
        _reduction.Dispose();
        _gradients.Dispose();
    }
}
