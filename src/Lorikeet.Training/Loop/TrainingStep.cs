// One optimizer step over micro-batches i with weights w_i:
//
//     L = Σ_i w_i · Σ_t cross-entropy of predicted token t        g = dL/dθ
//     g ← g · min(1, max_grad_norm / ‖g‖)                         θ ← optimizer(θ, g, rate)
//
// Ranks share the micro-batches (RankShare.cs); their losses and gradients are summed (ParameterUpdate.cs).
using Lorikeet.Data.Batches;
using Lorikeet.Formats;
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
    private readonly ParameterUpdate _update;
    private readonly Communicator _ranks;
    private readonly bool _everyRankPasses;
    private readonly Communicator? _contextRanks;
    private readonly Func<ITrainingPass> _makePass;
    private readonly ulong _seed;
    private ITrainingPass? _pass;

    /// <summary>Makes gradients, pass and optimizer; the optimizer's averages are zero.</summary>
    /// <param name="model">The model; it stays the caller's and must outlive the step.</param>
    /// <param name="options">Batches and schedule are the caller's business; the rest is used here.</param>
    /// <param name="ranks">
    /// The processes that take the step together, each with the same model; null for this one alone.
    /// </param>
    /// <param name="distributed">How they do; null for the defaults.</param>
    /// <param name="makePass">Makes the passes, which become the step's own; null for those of the model.</param>
    /// <exception cref="ConfigurationException">
    /// Activations are to be offloaded, but the model does not compute on CUDA.
    /// </exception>
    public TrainingStep(
        DecoderModel model, OptimizationOptions options, Communicator? ranks = null,
        DistributedOptions? distributed = null, Func<TrainingPassOptions, ITrainingPass>? makePass = null)
    {
        (_options, _ranks) = (options, ranks ?? Communicator.Alone);
        distributed ??= new DistributedOptions();
        var groups = distributed.GroupsOf(_ranks.Size);
        var sharing = distributed.ContextParallel;
        Share = new DataRank(_ranks.Rank / sharing, groups);
        _contextRanks = sharing > 1 ? _ranks.Split(Share.Rank) : null;
        // Ranks that share a batch have other tokens of it, and so masks of their own.
        _seed = _ranks.Rank % sharing == 0 ? (ulong)options.Seed
            : CounterRandom.Hash((ulong)options.Seed, RandomPurpose.Dropout, (ulong)(_ranks.Rank % sharing));
        _update = new ParameterUpdate(model, options, _ranks, distributed.FixedOrder, distributed.ZeroStage);
        _everyRankPasses = model.IsSharded || _update.EveryRankPasses;
        WhyReference = options.Optimized ? TrainingPasses.WhyUnsupported(model) : null;
        var passOptions = PassOptions(options) with { LayerDone = _update.LayerDone, ContextRanks = _contextRanks };
        _makePass = () => makePass?.Invoke(passOptions) ?? TrainingPasses.Create(model, passOptions);
        _pass = _makePass();
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

    internal ITrainingPass Pass => _pass ?? throw new InvalidOperationException("The pass could not be made anew.");

    /// <summary>Which batches this rank computes.</summary>
    internal DataRank Share { get; }

    internal Optimizer Optimizer => _update.Optimizer;

    /// <summary>
    /// Adds the gradient of the micro-batches' weighted loss; those without a predicted token are passed over.
    /// </summary>
    /// <param name="batches">The micro-batches of all ranks, of which this one computes its share.</param>
    /// <param name="weights">What one predicted token of each counts (<see cref="LossWeights"/>).</param>
    /// <param name="step">Optimizer steps before this one; with the seed, it names the random numbers.</param>
    /// <returns>
    /// The weighted loss: with equal weights of 1 / predicted tokens, the mean cross-entropy in nats.
    /// </returns>
    public double Backward(IReadOnlyList<Batch> batches, IReadOnlyList<double> weights, int step) =>
        Backward(batches, step, (i, isOwn, key) =>
        {
            BeforePass?.Invoke();
            return Pass.Run(batches[i], isOwn ? weights[i] : 0, key) * weights[i];
        });

    /// <summary>The same with passes of another kind.</summary>
    /// <param name="batches">The micro-batches of all ranks.</param>
    /// <param name="step">Optimizer steps before this one.</param>
    /// <param name="run">
    /// Adds the gradient of a micro-batch and returns its weighted loss; where it is not this rank's, it makes the same
    /// passes and adds nothing.
    /// </param>
    internal double Backward(IReadOnlyList<Batch> batches, int step, Func<int, bool, PassKey, double> run)
    {
        var losses = new double[batches.Count];
        List<(int, bool)> share = [.. RankShare.Of(batches, Share, _everyRankPasses, _update.TakesBlocks)];
        foreach (var (pass, (i, isOwn)) in share.Index())
        {
            _update.Begin(isLast: pass == share.Count - 1);
            var loss = run(i, isOwn, new PassKey(_seed, step, i));
            _update.End(i, isOwn);
            if (isOwn)
                losses[i] = loss;
        }

        _update.Complete();
        _ranks.Sum(losses);
        return losses.Sum();
    }

    /// <summary>Clips the gradients to max_grad_norm, moves the parameters, and forgets the gradients.</summary>
    /// <param name="rate">The learning rate of this step.</param>
    /// <returns>The global L2 norm before clipping; where it is not finite, no parameter was moved.</returns>
    public double Update(double rate) => _update.Apply(_options.MaxGradNorm, rate);

    /// <summary>After a pass that broke off: forgets the step's gradients, and makes the passes anew.</summary>
    internal void BeginAnew()
    {
        var temperature = Pass.Temperature;
        Pass.Dispose();
        _pass = null;
        _update.Forget();
        _pass = _makePass();
        if (temperature != 1)
            Pass.Temperature = temperature;
    }

    /// <summary>Writes the gradients as safetensors, under the names PEFT gives the parameters.</summary>
    internal void WriteGradients(string path) => _update.WriteGradients(path);

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
        _pass?.Dispose();
        _update.Dispose();
        _contextRanks?.Dispose();
    }
}
