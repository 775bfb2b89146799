// One optimizer step over micro-batches i with weights w_i:
//
//     L = Σ_i w_i · Σ_t cross-entropy of predicted token t        g = dL/dθ
//     g ← g · min(1, max_grad_norm / ‖g‖)                         θ ← optimizer(θ, g, rate)
//
// Of N ranks, rank r computes the micro-batches r, r + N, r + 2N ...; their losses and gradients are summed.
using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;

namespace Lorikeet.Training.Loop;

/// <summary>Forward, backward, clipping and update of a model whose trainable parameters are settled.</summary>
/// <remarks>Not for several threads at once.</remarks>
public sealed class TrainingStep : IDisposable
{
    private readonly OptimizationOptions _options;
    private readonly Gradients _gradients;
    private readonly Communicator _ranks;
    private readonly bool _everyRankPasses;

    /// <summary>Makes gradients, pass and optimizer; the optimizer's averages are zero.</summary>
    /// <param name="model">The model; it stays the caller's and must outlive the step.</param>
    /// <param name="options">Batches and schedule are the caller's business; the rest is used here.</param>
    /// <param name="ranks">
    /// The processes that take the step together, each with the same model; null for this one alone.
    /// </param>
    /// <exception cref="ConfigurationException">
    /// Activations are to be offloaded, but the model does not compute on CUDA.
    /// </exception>
    public TrainingStep(DecoderModel model, OptimizationOptions options, Communicator? ranks = null)
    {
        (_options, _ranks, _everyRankPasses) = (options, ranks ?? Communicator.Alone, model.IsSharded);
        _gradients = new Gradients(model.Trainable);
        WhyReference = options.Optimized ? TrainingPasses.WhyUnsupported(model) : null;
        Pass = TrainingPasses.Create(model, PassOptions(options));
        Optimizer = Optimizer.Create(LoraPlus.Group(model.Trainable, options), options);
    }

    /// <summary>
    /// Why the reference trains although the optimized pass was asked for, as the end of a sentence; else null.
    /// </summary>
    public string? WhyReference { get; }

    /// <summary>
    /// Layers recomputed in the backward pass (gradient checkpointing), as the largest batch so far needed it.
    /// </summary>
    public int RecomputedLayers => Pass.RecomputedLayers;

    /// <summary>See <see cref="TrainingTask.BeforePass"/>.</summary>
    internal Action? BeforePass { get; init; }

    internal ITrainingPass Pass { get; }

    internal Optimizer Optimizer { get; }

    /// <summary>
    /// Adds the gradient of the micro-batches' weighted loss; those without a predicted token are passed over.
    /// </summary>
    /// <param name="batches">The micro-batches of all ranks, of which this one computes its share.</param>
    /// <param name="weights">What one predicted token of each counts (<see cref="LossWeights"/>).</param>
    /// <param name="step">Optimizer steps before this one; with the seed, it names the random numbers.</param>
    /// <returns>
    /// The weighted loss: with equal weights of 1 / predicted tokens, the mean cross-entropy in nats.
    /// </returns>
    public double Backward(IReadOnlyList<Batch> batches, IReadOnlyList<double> weights, int step)
    {
        var losses = new double[batches.Count];
        foreach (var (i, isOwn) in RankShare.Of(batches, _ranks, _everyRankPasses))
        {
            BeforePass?.Invoke();
            var key = new PassKey((ulong)_options.Seed, step, i);
            var loss = Pass.Run(batches[i], isOwn ? weights[i] : 0, key) * weights[i];
            if (isOwn)
                losses[i] = loss;
        }

        _ranks.Sum(losses);
        _ranks.Sum(_gradients.All);
        return losses.Sum();
    }

    /// <summary>Clips the gradients to max_grad_norm, moves the parameters, and forgets the gradients.</summary>
    /// <param name="rate">The learning rate of this step.</param>
    /// <returns>The global L2 norm before clipping; where it is not finite, no parameter was moved.</returns>
    public double Update(double rate)
    {
        var norm = Optimizer.Step(_gradients, _options.MaxGradNorm, rate);
        _gradients.Clear();
        return norm;
    }

    /// <summary>Writes the gradients as safetensors, under the names PEFT gives the parameters.</summary>
    internal void WriteGradients(string path) => _gradients.Write(path);

    /// <summary>What the options say of passes.</summary>
    internal static TrainingPassOptions PassOptions(OptimizationOptions options) => new()
    {
        Checkpointing = options.Checkpointing,
        NeftuneAlpha = options.NeftuneAlpha ?? 0,
        Optimized = options.Optimized,
        OffloadCheckpoints = options.OffloadCheckpoints,
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        Optimizer.Dispose();
        Pass.Dispose();
        _gradients.Dispose();
    }
}
